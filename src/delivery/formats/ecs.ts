import { parseAddress } from '../../domain/address';
import type { Enrichment } from '../../domain/event';
import { parseEventTime } from '../../domain/records/record';
import { type BodyEvent, type BodyFormat, oneOrList } from './body-format';
import { ecsCategory } from './ecs-category';
import { cloudtrailFields } from './ecs-cloudtrail';
import { distinct, type Fields, objectIn, pruned, textIn } from './fields';

/** The version of the schema that the fields are taken from; Elastic's AWS integration names the same. */
const ECS_VERSION = '8.11.0';
/** A longer record is left out of event.original; the API has it. Five such texts fit into a body. */
const MAX_ORIGINAL_BYTES = 32_766;
const MAX_MESSAGE = 8_191;

/**
 * ECS, a document of the Elastic Common Schema 8 as Elastic's CloudTrail integration would make it, with TrailGraph's
 * geo, network, actor and outcome; `batch`: a JSON list of documents. Texts are bounded, so that hardly any event is too
 * big; a thin one lacks event.original, the parameters and the resources.
 */
export const ecs: BodyFormat = {
  bytesOf: (event) => Buffer.byteLength(documentOf(event, false)) + 1,
  bytesAtMost,
  textOf: (event) => documentOf(event, false),
  body: ({ events, batch, thin }) =>
    oneOrList(
      events.map((event) => (thin ? documentOf(event, true) : (event.text ?? documentOf(event, false)))),
      batch,
    ),
};

/** Names, dates and words of our own take less. */
const OWN_BYTES = 6_000;

/**
 * The record stands in it as a text; so do its parameters, which are parts of it; and of all other texts of the record
 * and of the enrichment none stands there more than three times.
 */
function bytesAtMost({ recordText, enrichmentJson }: BodyEvent): number {
  const asText = Buffer.byteLength(JSON.stringify(recordText));
  const others = Buffer.byteLength(recordText) + Buffer.byteLength(enrichmentJson);
  return 2 * asText + 3 * others + OWN_BYTES;
}

function documentOf(event: BodyEvent, thin: boolean): string {
  const record = JSON.parse(event.recordText) as Fields;
  const enrichment = JSON.parse(event.enrichmentJson) as Enrichment;
  const userName = userNameOf(record, enrichment);
  const source = sourceOf(record.sourceIPAddress, enrichment);
  return JSON.stringify(
    pruned({
      '@timestamp': parseEventTime(record.eventTime)?.toISOString(),
      ecs: { version: ECS_VERSION },
      event: eventOf(event, record, enrichment, thin),
      user: { id: textIn(objectIn(record.userIdentity).principalId), name: userName },
      cloud: cloudOf(record),
      source,
      user_agent: { original: textIn(record.userAgent) },
      error: { code: textIn(record.errorCode), message: textIn(record.errorMessage, MAX_MESSAGE) },
      related: relatedOf(record, enrichment, userName, source),
      aws: { cloudtrail: cloudtrailFields(record, event.recordText, thin) },
    }),
  );
}

function eventOf(event: BodyEvent, record: Fields, enrichment: Enrichment, thin: boolean): Fields {
  const insight = objectIn(record.insightDetails);
  const provider = textIn(record.eventSource) ?? textIn(insight.eventSource);
  const action = textIn(record.eventName) ?? textIn(insight.eventName);
  const ingested = event.ingestedAt.toISOString();
  const whole = !thin && Buffer.byteLength(event.recordText) <= MAX_ORIGINAL_BYTES;
  return {
    kind: 'event',
    module: 'aws',
    dataset: 'aws.cloudtrail',
    ...ecsCategory(serviceOf(provider) ?? '', action ?? '', String(record.readOnly) === 'true'),
    action,
    provider,
    outcome: enrichment.outcome === 'SUCCESS' ? 'success' : 'failure',
    id: textIn(record.eventID) ?? event.id,
    created: ingested,
    ingested,
    original: whole ? event.recordText : undefined,
  };
}

function cloudOf(record: Fields): Fields {
  const account = textIn(objectIn(record.userIdentity).accountId) ?? textIn(record.recipientAccountId);
  return {
    provider: 'aws',
    account: { id: account },
    region: textIn(record.awsRegion),
    service: { name: serviceOf(textIn(record.eventSource)) },
  };
}

/** The integration takes the role's name for a session, and TrailGraph's name where neither is told. */
function userNameOf(record: Fields, { actor }: Enrichment): string | undefined {
  const identity = objectIn(record.userIdentity);
  const issuer = objectIn(objectIn(identity.sessionContext).sessionIssuer);
  return textIn(issuer.userName) ?? textIn(identity.userName) ?? textIn(actor.name);
}

function sourceOf(value: unknown, { addressKind, geo, network }: Enrichment): Fields {
  const address = textIn(value);
  const located = typeof geo?.latitude === 'number' && typeof geo.longitude === 'number';
  return {
    address,
    ip: address !== undefined && parseAddress(address) ? address : undefined,
    domain: addressKind === 'AWS_SERVICE' ? address : undefined,
    geo: {
      city_name: geo?.city,
      region_name: geo?.subdivision,
      country_name: geo?.country,
      country_iso_code: geo?.countryCode,
      timezone: geo?.timeZone,
      location: located ? { lat: geo.latitude, lon: geo.longitude } : undefined,
    },
    as: { number: network?.asn, organization: { name: network?.organization } },
  };
}

function relatedOf(
  record: Fields,
  { actor }: Enrichment,
  userName: string | undefined,
  source: Fields,
): Fields {
  const asked = objectIn(record.requestParameters);
  return {
    user: distinct([userName, textIn(actor.name), textIn(asked.userName), textIn(asked.newUserName)]),
    ip: distinct([textIn(source.ip)]),
    hosts: distinct([textIn(source.domain)]),
  };
}

function serviceOf(eventSource: string | undefined): string | undefined {
  return textIn(eventSource?.split('.', 1)[0]);
}
