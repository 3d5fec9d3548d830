import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { Invalid, messageOf } from '../domain/errors';
import { asksForTls } from '../valkey/place';
import {
  ALIASES,
  COMMAND_SETTINGS,
  type CommandSettings,
  SECRET_SETTINGS,
  SETTINGS,
  type Settings,
} from './settings';
import { type UnknownName, unknownNames } from './unknown-names';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A setting as it was given. */
export interface GivenSetting {
  /** As it stands there; of a secret too, so not for printing. */
  text: string;
  from: 'environment' | 'file';
  /** The environment variable that gave it, or named its file. */
  variable: string;
  /** The file that holds it; null where none does. */
  file: string | null;
}

/** What an environment says. */
export interface Reading<T> {
  /** Those that are right; with their defaults. */
  settings: Partial<T>;
  given: Readonly<Record<string, GivenSetting>>;
  /** All of them, without the values. */
  faults: string[];
  /** Names that mean nothing to us. Those that are nearly ours are faults as well. */
  unknown: UnknownName[];
}

/**
 * Reads and checks the settings.
 * @throws Invalid naming every fault at once, without the values
 */
export function readSettings(environment: Environment): Settings {
  return faultless(inspectSettings(environment));
}

/**
 * Reads and checks what the commands take from the environment; what only a server needs is not looked at.
 * @throws Invalid naming every fault at once, without the values
 */
export function readCommandSettings(environment: Environment): CommandSettings {
  return faultless(inspect<CommandSettings>(COMMAND_SETTINGS.shape, environment));
}

/** What this environment says to a server, right or not. */
export function inspectSettings(environment: Environment): Reading<Settings> {
  const reading = inspect<Settings>(SETTINGS.shape, environment);
  reading.faults.push(...faultsTogether(reading.settings, environment));
  return reading;
}

/** What this environment says of some settings, each by itself. */
export function inspect<T>(shape: Record<string, z.ZodType>, environment: Environment): Reading<T> {
  const faults: string[] = [];
  const unknown = unknownNames(environment);
  for (const { name, meant } of unknown) if (meant) faults.push(`${name} is no setting: ${meant} is one`);
  const given = readGiven(Object.keys(shape), environment, faults);
  const settings: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(shape)) {
    const parsed = field.safeParse(given[name]?.text);
    if (parsed.success) settings[name] = parsed.data;
    else faults.push(...parsed.error.issues.map(({ message }) => `${name}: ${message}`));
  }
  return { settings: settings as Partial<T>, given, faults, unknown };
}

function faultless<T>({ settings, faults }: Reading<T>): T {
  if (faults.length > 0) throw new Invalid(`The settings are not right:\n  ${faults.join('\n  ')}`);
  return settings as T;
}

function readGiven(
  names: string[],
  environment: Environment,
  faults: string[],
): Record<string, GivenSetting> {
  const given: Record<string, GivenSetting> = {};
  const take = (name: string, variable: string): void => {
    const text = environment[variable];
    if (text) given[name] ??= { text, from: 'environment', variable, file: null };
  };
  for (const name of names) take(name, name);
  for (const [alias, name] of Object.entries(ALIASES)) if (names.includes(name)) take(name, alias);
  for (const name of SECRET_SETTINGS.filter((secret) => names.includes(secret))) {
    const variable = `${name}_FILE`;
    const file = environment[variable];
    if (!file) continue;
    if (given[name]) faults.push(`${given[name].variable} and ${variable} are both set: keep one`);
    try {
      given[name] = { text: readFileSync(file, 'utf8').trim(), from: 'file', variable, file };
    } catch (error) {
      faults.push(`${variable} can't be read: ${messageOf(error)}`);
    }
  }
  return given;
}

/** The variables that may give a setting. */
function namesOf(name: keyof Settings): string[] {
  const aliases = Object.keys(ALIASES).filter((alias) => ALIASES[alias] === name);
  return [name, `${name}_FILE`, ...aliases];
}

/** Faults of settings that need each other, as far as these could be read. */
function faultsTogether(settings: Partial<Settings>, environment: Environment): string[] {
  const { ROLE, PERSISTED_OPERATIONS = 'off', TLS_CERT_FILE, TLS_KEY_FILE } = settings;
  const faults =
    PERSISTED_OPERATIONS !== 'off' && settings.PERSISTED_OPERATIONS_FILE === undefined
      ? [`PERSISTED_OPERATIONS_FILE must name the manifest for PERSISTED_OPERATIONS=${PERSISTED_OPERATIONS}`]
      : [];
  if ((TLS_CERT_FILE === undefined) !== (TLS_KEY_FILE === undefined))
    faults.push('TLS_CERT_FILE and TLS_KEY_FILE belong together: set both or none');
  const absent = (name: 'MONGODB_URI' | 'REDIS_URL' | 'TRAILGRAPH_MASTER_KEY'): boolean =>
    // Of one that is there, what is wrong has been said.
    settings[name] === undefined && !namesOf(name).some((each) => environment[each]);
  if (settings.REDIS_SENTINELS?.length && absent('REDIS_URL'))
    faults.push('REDIS_URL must be set beside REDIS_SENTINELS: user, password, database and TLS stand in it');
  if (ROLE === 'all' && !absent('MONGODB_URI') && !absent('REDIS_URL') && absent('TRAILGRAPH_MASTER_KEY'))
    faults.push(
      'TRAILGRAPH_MASTER_KEY must be set beside MONGODB_URI and REDIS_URL: 32 random bytes that seal secrets at rest, as `openssl rand -base64 32` makes them',
    );
  faults.push(...valkeyTlsFaults(settings));
  if (ROLE === undefined || ROLE === 'all') return faults;
  const missing = (['MONGODB_URI', 'REDIS_URL', 'TRAILGRAPH_MASTER_KEY'] as const)
    .filter(absent)
    .map((name) => `${name} must be set for ROLE=${ROLE}`);
  return [...faults, ...missing];
}

function valkeyTlsFaults({
  REDIS_URL,
  REDIS_TLS_CA_FILE: ca,
  REDIS_TLS_CERT_FILE: cert,
  REDIS_TLS_KEY_FILE: key,
}: Partial<Settings>): string[] {
  const faults: string[] = [];
  if ((cert === undefined) !== (key === undefined))
    faults.push('REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE belong together: set both or none');
  if ((ca ?? cert ?? key) !== undefined && (REDIS_URL === undefined || !asksForTls(REDIS_URL)))
    faults.push('REDIS_TLS_* files are of no use without rediss:// in REDIS_URL');
  return faults;
}
