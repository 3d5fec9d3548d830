import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { Invalid, messageOf } from '../domain/errors';
import {
  ALIASES,
  COMMAND_SETTINGS,
  type CommandSettings,
  SECRET_SETTINGS,
  SETTINGS,
  type Settings,
} from './settings';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads and checks the settings.
 * @throws Invalid naming every fault at once, without the values
 */
export function readSettings(environment: Environment): Settings {
  return checked(SETTINGS, environment, combinedFaults);
}

/**
 * Reads and checks what the commands take from the environment; what only a server needs is not looked at.
 * @throws Invalid naming every fault at once, without the values
 */
export function readCommandSettings(environment: Environment): CommandSettings {
  return checked(COMMAND_SETTINGS, environment, () => []);
}

function checked<T extends typeof SETTINGS | typeof COMMAND_SETTINGS>(
  shape: T,
  environment: Environment,
  faultsTogether: (settings: z.infer<T>) => string[],
): z.infer<T> {
  const faults: string[] = [];
  const parsed = shape.safeParse(given(Object.keys(shape.shape), environment, faults));
  if (parsed.success) faults.push(...faultsTogether(parsed.data as z.infer<T>));
  else faults.push(...parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`));
  if (faults.length > 0 || !parsed.success)
    throw new Invalid(`The settings are not right:\n  ${faults.join('\n  ')}`);
  return parsed.data as z.infer<T>;
}

function given(names: string[], environment: Environment, faults: string[]): Record<string, string> {
  const values: Record<string, string> = {};
  for (const name of names) {
    const value = environment[name];
    if (value !== undefined && value !== '') values[name] = value;
  }
  for (const [alias, name] of Object.entries(ALIASES)) {
    const value = environment[alias];
    if (value && names.includes(name)) values[name] ??= value;
  }
  for (const name of SECRET_SETTINGS.filter((secret) => names.includes(secret))) {
    const file = environment[`${name}_FILE`];
    if (!file) continue;
    if (values[name] !== undefined) faults.push(`${name} and ${name}_FILE are both set: keep one`);
    try {
      values[name] = readFileSync(file, 'utf8').trim();
    } catch (error) {
      faults.push(`${name}_FILE can't be read: ${messageOf(error)}`);
    }
  }
  return values;
}

function combinedFaults(settings: Settings): string[] {
  const faults =
    settings.PERSISTED_OPERATIONS !== 'off' && settings.PERSISTED_OPERATIONS_FILE === undefined
      ? [
          `PERSISTED_OPERATIONS_FILE must name the manifest for PERSISTED_OPERATIONS=${settings.PERSISTED_OPERATIONS}`,
        ]
      : [];
  if (settings.ROLE === 'all') return faults;
  const missing = (['MONGODB_URI', 'REDIS_URL', 'TRAILGRAPH_MASTER_KEY'] as const)
    .filter((name) => settings[name] === undefined)
    .map((name) => `${name} must be set for ROLE=${settings.ROLE}`);
  return [...faults, ...missing];
}
