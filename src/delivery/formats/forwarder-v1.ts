import type { Enrichment } from '../../domain/event';
import { type BodyEvent, type BodyFormat, oneOrList } from './body-format';
import { type Fields, objectIn, textIn } from './fields';
import { thinHead } from './thin-head';

const MAX_RESOURCES = 100;
/** Names of members, those of each resource too, and what stands there where the record says nothing, take less. */
const OWN_BYTES = 5_000;

/**
 * FORWARDER_V1, the body of the forwarder that the sources API stands in for. Its members and their types are those of
 * an event of CloudTrail's LookupEvents: `readOnly` is the text "true" or "false", `cloudTrailEvent` the record as a
 * JSON text (exact), `resources` a list of ResourceType and ResourceName. `forwardedAt` is when the delivery was made.
 * `batch`: a list. A thin event has `cloudTrailEvent` null and says `thin`, `id` and `bytes`.
 */
export const forwarderV1: BodyFormat = {
  bytesOf: (event) => Buffer.byteLength(forwarded(event, new Date(0), false)) + 1,
  bytesAtMost: ({ recordText, enrichmentJson }) =>
    Buffer.byteLength(JSON.stringify(recordText)) +
    Buffer.byteLength(recordText) +
    Buffer.byteLength(enrichmentJson) +
    OWN_BYTES,
  body: ({ events, batch, thin, timestamp }) =>
    oneOrList(
      events.map((event) => forwarded(event, timestamp, thin)),
      batch,
    ),
};

function forwarded(event: BodyEvent, forwardedAt: Date, thin: boolean): string {
  const record = JSON.parse(event.recordText) as Fields;
  return JSON.stringify({
    eventId: textIn(record.eventID) ?? event.id,
    eventName: textIn(record.eventName) ?? '',
    eventSource: textIn(record.eventSource) ?? '',
    eventTime: textIn(record.eventTime) ?? '',
    username: usernameOf(record, JSON.parse(event.enrichmentJson) as Enrichment),
    readOnly: String(record.readOnly) === 'true' ? 'true' : 'false',
    resources: resourcesOf(record.resources),
    cloudTrailEvent: thin ? null : event.recordText,
    forwardedAt: forwardedAt.toISOString(),
    ...(thin ? thinMarks(event) : {}),
  });
}

function thinMarks(event: BodyEvent): Fields {
  const { id, thin, bytes } = thinHead(event);
  return { id, thin, bytes };
}

/** LookupEvents names a session by its own name, without the role. */
function usernameOf(record: Fields, { actor }: Enrichment): string {
  if (actor.kind === 'AssumedRole') {
    const principal = textIn(objectIn(record.userIdentity).principalId) ?? '';
    const session = principal.slice(principal.indexOf(':') + 1);
    if (principal.includes(':') && session !== '') return session;
  }
  return textIn(actor.name) ?? '';
}

function resourcesOf(value: unknown): Fields[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, MAX_RESOURCES).map((each: unknown) => {
    const { type, ARN, arn } = objectIn(each);
    return { ResourceType: textIn(type) ?? '', ResourceName: textIn(ARN) ?? textIn(arn) ?? '' };
  });
}
