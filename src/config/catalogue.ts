import { z } from 'zod';
import { type Environment, inspect, inspectSettings } from './environment';
import { SETTING_FACTS, type SettingFacts } from './setting-facts';
import { ALL_SETTINGS, SECRET_SETTINGS, type SettingName } from './settings';

/** A setting as the documentation tells of it. */
export interface DescribedSetting extends SettingFacts {
  name: SettingName;
  description: string;
  /** As it would stand in the environment; null where there is none. */
  default: string | null;
  /** What a value must be; empty where any text will do. */
  limits: string;
  secret: boolean;
}

/** A setting that is in force, and why. The value of a secret is never in it. */
export interface SettingInForce {
  name: SettingName;
  /** Null where nothing is set, and of secrets. */
  value: string | null;
  secret: boolean;
  from: 'environment' | 'file' | 'default';
  /** The environment variable that gave it, or named its file; null for a default. */
  variable: string | null;
  file: string | null;
  /** What holds where nothing is set and there is no default. */
  otherwise: string | null;
}

/** Every setting, in the order of the schema. */
export function describedSettings(): DescribedSetting[] {
  const { properties = {} } = z.toJSONSchema(ALL_SETTINGS, { io: 'input' });
  return names().map((name) => {
    const property = properties[name];
    const told: z.core.JSONSchema.BaseSchema = typeof property === 'object' ? property : {};
    return {
      ...SETTING_FACTS[name],
      name,
      description: told.description ?? '',
      default: defaultOf(name),
      limits: limitsOf(told),
      secret: isSecret(name),
    };
  });
}

/**
 * What this environment sets, and the defaults of the rest, of servers and of commands.
 * @returns the faults as well: a setting that has one is left out
 */
export function settingsInForce(environment: Environment): { settings: SettingInForce[]; faults: string[] } {
  const { faults } = inspectSettings(environment);
  const every = inspect<Record<SettingName, unknown>>(ALL_SETTINGS.shape, environment);
  const settings = names()
    .filter((name) => name in every.settings)
    .map((name): SettingInForce => {
      const given = every.given[name];
      const secret = isSecret(name);
      return {
        name,
        value: secret ? null : (given?.text ?? defaultOf(name)),
        secret,
        from: given?.from ?? 'default',
        variable: given?.variable ?? null,
        file: given?.file ?? null,
        otherwise: SETTING_FACTS[name].otherwise ?? null,
      };
    });
  return { settings, faults: [...new Set([...faults, ...every.faults])] };
}

function names(): SettingName[] {
  return Object.keys(ALL_SETTINGS.shape) as SettingName[];
}

function isSecret(name: SettingName): boolean {
  return SECRET_SETTINGS.some((secret) => secret === name);
}

function defaultOf(name: SettingName): string | null {
  const value: unknown = ALL_SETTINGS.shape[name].parse(undefined);
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return (Array.isArray(value) ? value.join(',') : String(value ?? '')) || null;
}

function limitsOf({ enum: allowed, minimum, maximum, pattern }: z.core.JSONSchema.BaseSchema): string {
  if (allowed) return allowed.map((value) => `\`${value}\``).join(', ');
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`;
  return pattern === undefined ? '' : `matches \`${pattern}\``;
}
