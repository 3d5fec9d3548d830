import { type FieldFault, Invalid } from './errors';
import type { AddressKind, Outcome } from './event';

/**
 * Which events are meant. Members are AND-ed, values in a list OR-ed, a trailing `*` matches a prefix, addresses also
 * take CIDR, text looks into names, ARNs, addresses, errors and resources. An empty or null list is no constraint.
 * One language for queries, subscriptions, webhooks and drop filters.
 */
export interface EventFilter {
  /** Inclusive. */
  from?: Date | null;
  /** Exclusive. */
  to?: Date | null;
  text?: string | null;
  sourceIds?: string[] | null;
  ids?: string[] | null;
  eventNames?: string[] | null;
  eventSources?: string[] | null;
  awsRegions?: string[] | null;
  accountIds?: string[] | null;
  actors?: string[] | null;
  identityTypes?: string[] | null;
  accessKeyIds?: string[] | null;
  addresses?: string[] | null;
  addressKinds?: AddressKind[] | null;
  countryCodes?: string[] | null;
  asns?: number[] | null;
  errorCodes?: string[] | null;
  outcome?: Outcome | null;
  readOnly?: boolean | null;
  root?: boolean | null;
  resourceARNs?: string[] | null;
  all?: EventFilter[] | null;
  any?: EventFilter[] | null;
  none?: EventFilter[] | null;
}

export const FILTER_MAX_DEPTH = 4;
export const FILTER_MAX_VALUES = 200;
export const FILTER_MAX_VALUE_BYTES = 1024;

const NESTED = ['all', 'any', 'none'] as const;

/** @throws Invalid naming every member that breaks a limit. */
export function checkFilter(filter: EventFilter, path: (string | number)[]): EventFilter {
  const faults: FieldFault[] = [];
  const values = count(filter, path, 1, faults);
  if (values > FILTER_MAX_VALUES) {
    faults.push({ path, message: `holds ${values} values; at most ${FILTER_MAX_VALUES} are allowed` });
  }
  if (faults.length > 0) throw new Invalid(`The filter is not valid: ${faults[0]!.message}.`, faults);
  return filter;
}

function count(filter: EventFilter, path: (string | number)[], depth: number, faults: FieldFault[]): number {
  if (depth > FILTER_MAX_DEPTH) {
    faults.push({ path, message: `nests deeper than ${FILTER_MAX_DEPTH}` });
    return 0;
  }
  if (filter.from && filter.to && filter.from >= filter.to) {
    faults.push({ path: [...path, 'to'], message: 'must be later than from' });
  }
  let values = 0;
  for (const [member, value] of Object.entries(filter) as [string, unknown][]) {
    if (value === null || value === undefined || (NESTED as readonly string[]).includes(member)) continue;
    const list = Array.isArray(value) ? value : [value];
    values += list.length;
    list.forEach((item, index) => {
      if (typeof item === 'string' && Buffer.byteLength(item) > FILTER_MAX_VALUE_BYTES) {
        faults.push({
          path: [...path, member, index],
          message: `is longer than ${FILTER_MAX_VALUE_BYTES} bytes`,
        });
      }
    });
  }
  for (const member of NESTED) {
    filter[member]?.forEach((child, index) => {
      values += count(child, [...path, member, index], depth + 1, faults);
    });
  }
  return values;
}
