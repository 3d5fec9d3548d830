import { addressRange } from './address-range';
import type { EventFilter } from './filter';

/**
 * What a filter means, in the terms that both of its evaluators know: `matcher` for events in hand and the query
 * builder of the store. Paths name fields of a stored event; where a list stands on the way, any element may match.
 */
export type Condition =
  | { op: 'and' | 'or' | 'nor'; of: Condition[] }
  | InCondition
  /** One of the paths holds text that contains `text`, which is in lower case, in any case. */
  | { op: 'contains'; paths: string[]; text: string }
  | { op: 'time'; path: 'eventTime'; from: Date | null; to: Date | null }
  /** The address lies between two addresses of 16 bytes, both inclusive. */
  | { op: 'address'; path: 'address'; low: Uint8Array; high: Uint8Array };

/** One of the paths holds one of the values, or text that starts with one of the prefixes. */
export interface InCondition {
  op: 'in';
  paths: string[];
  values: (string | number | boolean)[];
  prefixes: string[];
}

/** Whether a value, found at one of the paths, is one that the condition asks for. */
export function matchesValue({ values, prefixes }: InCondition): (value: unknown) => boolean {
  const wanted = new Set<unknown>(values);
  return (value) =>
    wanted.has(value) || (typeof value === 'string' && prefixes.some((prefix) => value.startsWith(prefix)));
}

/** Where each list member looks. */
const LIST_PATHS = {
  sourceIds: ['sourceId'],
  ids: ['_id'],
  eventNames: ['eventName'],
  eventSources: ['eventSource'],
  awsRegions: ['awsRegion'],
  accountIds: ['recipientAccountId'],
  identityTypes: ['enrichment.actor.kind'],
  accessKeyIds: ['userIdentity.accessKeyId'],
  addressKinds: ['enrichment.addressKind'],
  countryCodes: ['enrichment.geo.countryCode'],
  asns: ['enrichment.network.asn'],
  errorCodes: ['errorCode'],
  resourceARNs: ['resources.ARN'],
} as const satisfies Partial<Record<keyof EventFilter, readonly string[]>>;

const TEXT_PATHS = [
  'eventName',
  'eventSource',
  'enrichment.actor.name',
  'enrichment.actor.arn',
  'userIdentity.arn',
  'userIdentity.userName',
  'sourceIPAddress',
  'errorCode',
  'errorMessage',
  'resources.ARN',
];

/** The condition of a filter; an `and` of nothing where it constrains nothing. */
export function conditionOf(filter: EventFilter): Condition {
  const of: Condition[] = [];
  if (filter.from || filter.to)
    of.push({ op: 'time', path: 'eventTime', from: filter.from ?? null, to: filter.to ?? null });
  for (const member of Object.keys(LIST_PATHS) as (keyof typeof LIST_PATHS)[]) {
    const values = filter[member];
    if (values?.length) of.push(oneOf([...LIST_PATHS[member]], values));
  }
  if (filter.actors?.length) of.push(actors(filter.actors));
  if (filter.addresses?.length) of.push(addresses(filter.addresses));
  if (filter.outcome) of.push(oneOf(['enrichment.outcome'], [filter.outcome]));
  if (typeof filter.root === 'boolean') of.push(oneOf(['enrichment.actor.root'], [filter.root]));
  if (typeof filter.readOnly === 'boolean')
    of.push(oneOf(['readOnly'], [filter.readOnly, String(filter.readOnly)]));
  if (filter.text) of.push({ op: 'contains', paths: TEXT_PATHS, text: filter.text.toLowerCase() });
  if (filter.all?.length) of.push(...filter.all.map(conditionOf));
  if (filter.any?.length) of.push({ op: 'or', of: filter.any.map(conditionOf) });
  if (filter.none?.length) of.push({ op: 'nor', of: filter.none.map(conditionOf) });
  return of.length === 1 ? of[0]! : { op: 'and', of };
}

function oneOf(paths: string[], list: readonly (string | number | boolean)[]): Condition {
  const prefixes: string[] = [];
  const values: (string | number | boolean)[] = [];
  for (const value of list) {
    if (typeof value === 'string' && value.endsWith('*')) prefixes.push(value.slice(0, -1));
    else values.push(value);
  }
  return { op: 'in', paths, values, prefixes };
}

/** Names, and ARNs where the text may be one: so that a name alone is found by one index. */
function actors(list: readonly string[]): Condition {
  const arns = list.filter((text) => mayBeArn(text));
  const names = oneOf(['enrichment.actor.name'], list);
  if (arns.length === 0) return names;
  return { op: 'or', of: [names, oneOf(['enrichment.actor.arn'], arns)] };
}

function mayBeArn(text: string): boolean {
  return text.startsWith('arn:') || (text.endsWith('*') && 'arn:'.startsWith(text.slice(0, -1)));
}

function addresses(list: readonly string[]): Condition {
  const of: Condition[] = [];
  const texts: string[] = [];
  for (const text of list) {
    const range = addressRange(text);
    if (range) of.push({ op: 'address', path: 'address', ...range });
    else texts.push(text);
  }
  if (texts.length > 0) of.push(oneOf(['sourceIPAddress'], texts));
  return of.length === 1 ? of[0]! : { op: 'or', of };
}
