import {
  type GraphQLArgument,
  type GraphQLInputField,
  type GraphQLInputType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from 'graphql';
import { normalEmail } from '../../domain/user';

const MASK = '********';
/** Scalars whose values are never secret. JSON and String are not among them: anything may stand in them. */
const PLAIN = new Set(['ID', 'Int', 'Float', 'Boolean', 'BigInt', 'DateTime']);
/** Texts that are told, by the name of their argument or field. Any other text is masked. */
const TOLD = new Set([
  'accountIds',
  'bucket',
  'name',
  'organizationId',
  'prefix',
  'profile',
  'region',
  'regions',
  'roleArn',
]);
/** Of a URL the rest may be a secret: a chat's webhook has its token in the path. */
const ONLY_ORIGIN = new Set(['url', 'endpointUrl']);
/** Inputs that say what to look for: nothing in them is secret. */
const SEARCHES = new Set(['EventFilter', 'DeliveryFilter']);

const MAX_TEXT = 200;
const MAX_ITEMS = 20;
const MAX_DEPTH = 8;
const MAX_BYTES = 8 * 1024;

/**
 * The arguments of a field as the audit log keeps them. Texts are masked unless their name is among those that are
 * told, so that an argument nobody thought of is masked; records are told by their number; everything has a bound.
 */
export function maskedArguments(
  definitions: readonly GraphQLArgument[],
  values: Record<string, unknown>,
): unknown {
  const masked = object(definitions, values, { told: false, depth: 0 });
  const text = JSON.stringify(masked);
  return Buffer.byteLength(text) <= MAX_BYTES ? masked : { cut: text.slice(0, MAX_BYTES / 4) };
}

interface At {
  /** Whether all texts from here on are told. */
  told: boolean;
  depth: number;
}

function object(
  fields: readonly (GraphQLArgument | GraphQLInputField)[],
  values: Record<string, unknown>,
  at: At,
): Record<string, unknown> {
  const masked: Record<string, unknown> = {};
  for (const { name, type } of fields) {
    if (values[name] !== undefined) masked[name] = masking(type, name, values[name], at);
  }
  return masked;
}

function masking(type: GraphQLInputType, name: string, value: unknown, at: At): unknown {
  if (isNonNullType(type)) return masking(type.ofType, name, value, at);
  if (value === null || value === undefined) return null;
  if (at.depth > MAX_DEPTH) return '…';
  if (isListType(type)) return list(type.ofType, name, value, at);
  if (isInputObjectType(type)) {
    const told = at.told || SEARCHES.has(type.name);
    const fields = Object.values(type.getFields());
    return object(fields, value as Record<string, unknown>, { told, depth: at.depth + 1 });
  }
  if (isEnumType(type) || PLAIN.has(type.name)) return plain(value);
  if (type.name === 'String') return text(name, String(value), at.told);
  return MASK;
}

function list(type: GraphQLInputType, name: string, value: unknown, at: At): unknown {
  const items = Array.isArray(value) ? value : [value];
  const of = isNonNullType(type) ? type.ofType : type;
  if ('name' in of && of.name === 'JSON') return `${items.length} items`;
  const shown = items
    .slice(0, MAX_ITEMS)
    .map((item) => masking(type, name, item, { ...at, depth: at.depth + 1 }));
  return items.length > MAX_ITEMS ? [...shown, `… ${items.length - MAX_ITEMS} more`] : shown;
}

function plain(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'string' ? cut(value) : value;
}

function text(name: string, value: string, told: boolean): string {
  if (told || TOLD.has(name)) return cut(value);
  // Whoever types a password there by mistake does not find it in the log.
  if (name === 'email') return normalEmail(value) ?? MASK;
  if (!URL.canParse(value)) return MASK;
  const { origin, pathname } = new URL(value);
  if (name === 'queueUrl') return cut(origin + pathname);
  return ONLY_ORIGIN.has(name) ? `${cut(origin)}/${MASK}` : MASK;
}

function cut(value: string): string {
  return value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value;
}
