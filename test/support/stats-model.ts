import type { StoredEvent } from '../../src/domain/event';
import type { EventFilter } from '../../src/domain/filter';
import { matcher } from '../../src/domain/matcher';

/** What the API says of statistics, as far as the model knows it. */
export interface ModelStats {
  total: number;
  failures: number;
  top: { key: string; count: number; failures: number }[];
}

type Values = Record<string, (event: StoredEvent) => unknown>;

/** The value of each dimension, as a reader of an event would tell it. */
const VALUES: Values = {
  COUNTRY: ({ enrichment }) => enrichment.geo?.countryCode,
  CITY: ({ enrichment }) => enrichment.geo?.city,
  ASN: ({ enrichment }) => (enrichment.network?.asn ? String(enrichment.network.asn) : null),
  ACTOR: ({ enrichment }) => enrichment.actor.name,
  IDENTITY_TYPE: ({ enrichment }) => enrichment.actor.kind,
  EVENT_NAME: ({ eventName }) => eventName,
  EVENT_SOURCE: ({ eventSource }) => eventSource,
  AWS_REGION: ({ awsRegion }) => awsRegion,
  ACCOUNT: ({ recipientAccountId }) => recipientAccountId,
  ERROR_CODE: ({ errorCode }) => errorCode,
  OUTCOME: ({ enrichment }) => enrichment.outcome,
  ADDRESS: ({ sourceIPAddress }) => sourceIPAddress,
  SOURCE: ({ sourceId }) => sourceId,
};
export const MODEL_DIMENSIONS = Object.keys(VALUES);

/** The events of a stretch of time that match. */
export function inScope(events: StoredEvent[], filter: EventFilter, from: Date, to: Date): StoredEvent[] {
  const matches = matcher({ ...filter, from, to });
  return events.filter((event) => matches(event));
}

/** Counts events one by one. */
export function modelStats(events: StoredEvent[], by: string, first: number): ModelStats {
  const isFailure = ({ enrichment }: StoredEvent) => enrichment.outcome === 'FAILURE';
  const counted = new Map<string, { key: string; count: number; failures: number }>();
  for (const event of events) {
    const key = VALUES[by]!(event);
    if (typeof key !== 'string') continue;
    const bucket = counted.get(key) ?? { key, count: 0, failures: 0 };
    counted.set(key, bucket);
    bucket.count++;
    if (isFailure(event)) bucket.failures++;
  }
  return {
    total: events.length,
    failures: events.filter(isFailure).length,
    top: [...counted.values()].sort((a, b) => b.count - a.count || (a.key < b.key ? -1 : 1)).slice(0, first),
  };
}
