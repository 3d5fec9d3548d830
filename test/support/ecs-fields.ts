import { isIP } from 'node:net';
import schema from '../data/ecs-8-fields.json';

/** What Elasticsearch takes for a value of each of its types; a field may always hold a list of them. */
const TAKES: Record<string, (value: unknown) => boolean> = {
  keyword: (value) => typeof value === 'string',
  match_only_text: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  long: (value) => Number.isSafeInteger(value),
  date: (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value),
  ip: (value) => typeof value === 'string' && isIP(value) > 0,
  geo_point: (value) => {
    const { lat, lon, ...rest } = value as Record<string, unknown>;
    return typeof lat === 'number' && typeof lon === 'number' && Object.keys(rest).length === 0;
  },
};

const FIELDS = new Map<string, string>(Object.entries(schema.fields));

/** What a document holds that the schema does not know, or knows of another type; empty for a good one. */
export function ecsFaults(document: unknown, path = ''): string[] {
  const type = FIELDS.get(path);
  if (type !== undefined) {
    const values = Array.isArray(document) ? document : [document];
    return values.every((value) => TAKES[type]?.(value) ?? false) ? [] : [`${path} is no ${type}`];
  }
  if (Array.isArray(document)) return document.flatMap((each) => ecsFaults(each, path));
  if (typeof document !== 'object' || document === null) return [`${path} is not in the schema`];
  return Object.entries(document).flatMap(([key, value]) => ecsFaults(value, path ? `${path}.${key}` : key));
}
