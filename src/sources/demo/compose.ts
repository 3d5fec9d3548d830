import type { CloudTrailRecord } from '../../domain/event';
import type { Entry } from './catalogue';
import type { Failure } from './errors';
import { type DemoInput, eventId } from './ids';
import type { Scene } from './scene';
import type { Call } from './template';
import { isoSeconds } from './times';

export const TLS_1_3 = 'TLS_AES_128_GCM_SHA256';
export const TLS_1_2 = 'ECDHE-RSA-AES128-GCM-SHA256';

/** All that a record is made of. */
export interface Parts {
  input: DemoInput;
  entry: Entry;
  scene: Scene;
  call: Call;
  failure: Failure | null;
  /** Where one action is told to two accounts. */
  sharedEventID?: string;
}

function endpoint({ service }: Entry, scene: Scene, call: Call): string {
  if (call.host) return call.host;
  const name = service.endpoint ?? service.source.slice(0, service.source.indexOf('.'));
  return service.global ? `${name}.amazonaws.com` : `${name}.${scene.region}.amazonaws.com`;
}

/** Calls from within AWS are recorded without the connection that they came by. */
function isConnection(scene: Scene): boolean {
  const { address, userAgent } = scene.actor;
  return !address.endsWith('.amazonaws.com') && address !== 'AWS Internal' && userAgent !== 'AWS Internal';
}

function identityOf(scene: Scene, entry: Entry): Record<string, unknown> {
  const { identity } = scene.actor;
  const fromService = entry.event.eventType === 'AwsServiceEvent' && identity.type === 'AWSService';
  return fromService ? { accountId: scene.account.id, invokedBy: identity.invokedBy } : identity;
}

/** The record, its fields in the order in which CloudTrail writes them. */
export function compose(parts: Parts): CloudTrailRecord {
  const { input, entry, scene, call, failure } = parts;
  const { service, event } = entry;
  const { actor } = scene;
  const eventType = event.eventType ?? 'AwsApiCall';
  const blind = failure?.blind === true;

  const record: CloudTrailRecord = {
    eventVersion: service.eventVersion,
    userIdentity: identityOf(scene, entry),
    eventTime: isoSeconds(input.eventTime),
    eventSource: service.source,
    eventName: event.name,
    awsRegion: scene.region,
    sourceIPAddress: actor.address,
    userAgent: actor.userAgent,
  };
  if (failure?.code) record.errorCode = failure.code;
  if (failure?.message) record.errorMessage = failure.message;
  record.requestParameters = blind ? null : call.request;
  // A failed sign-in answers `Failure`; any other failed call answers nothing.
  record.responseElements = failure?.code ? null : (call.response ?? null);
  if (call.additional) record.additionalEventData = call.additional;
  if (eventType === 'AwsApiCall') record.requestID = scene.requestId;
  record.eventID = eventId(input, 'event');
  record.readOnly = event.readOnly;
  if (call.resources && !blind) record.resources = call.resources;
  record.eventType = eventType;
  if (service.apiVersion) record.apiVersion = service.apiVersion;
  record.managementEvent = event.data !== true;
  record.recipientAccountId = scene.account.id;
  if (parts.sharedEventID) record.sharedEventID = parts.sharedEventID;
  if (call.details) record.serviceEventDetails = call.details;
  if (actor.vpcEndpointId) {
    record.vpcEndpointId = actor.vpcEndpointId;
    if (service.eventVersion === '1.11') record.vpcEndpointAccountId = scene.account.id;
  }
  record.eventCategory = event.data ? 'Data' : 'Management';
  if (eventType !== 'AwsServiceEvent' && isConnection(scene)) {
    record.tlsDetails = {
      tlsVersion: scene.cipherSuite === TLS_1_3 ? 'TLSv1.3' : 'TLSv1.2',
      cipherSuite: scene.cipherSuite,
      clientProvidedHostHeader: endpoint(entry, scene, call),
    };
  }
  if (actor.fromConsole) record.sessionCredentialFromConsole = 'true';
  return record;
}
