import { readFileSync } from 'node:fs';
import { Invalid, messageOf } from '../domain/errors';
import { ALIASES, SECRET_SETTINGS, SETTINGS, type Settings } from './settings';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads and checks the settings.
 * @throws Invalid naming every fault at once, without the values
 */
export function readSettings(environment: Environment): Settings {
  const faults: string[] = [];
  const given: Record<string, string> = {};
  for (const name of Object.keys(SETTINGS.shape)) {
    const value = environment[name];
    if (value !== undefined && value !== '') given[name] = value;
  }
  for (const [alias, name] of Object.entries(ALIASES)) {
    const value = environment[alias];
    if (value) given[name] ??= value;
  }
  for (const name of SECRET_SETTINGS) {
    const file = environment[`${name}_FILE`];
    if (!file) continue;
    if (given[name] !== undefined) faults.push(`${name} and ${name}_FILE are both set: keep one`);
    try {
      given[name] = readFileSync(file, 'utf8').trim();
    } catch (error) {
      faults.push(`${name}_FILE can't be read: ${messageOf(error)}`);
    }
  }
  const parsed = SETTINGS.safeParse(given);
  if (!parsed.success)
    faults.push(...parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`));
  if (parsed.success) faults.push(...roleFaults(parsed.data));
  if (faults.length > 0 || !parsed.success)
    throw new Invalid(`The settings are not right:\n  ${faults.join('\n  ')}`);
  return parsed.data;
}

function roleFaults(settings: Settings): string[] {
  if (settings.ROLE === 'all') return [];
  return (['MONGODB_URI', 'REDIS_URL', 'TRAILGRAPH_MASTER_KEY'] as const)
    .filter((name) => settings[name] === undefined)
    .map((name) => `${name} must be set for ROLE=${settings.ROLE}`);
}
