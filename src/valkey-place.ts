import type { Settings } from './config/settings';
import type { ValkeyPlace } from './valkey/place';

/** Where Valkey is, by the settings: at `url`, or where the Sentinels that they name say. */
export function valkeyPlace(url: string, settings: Partial<Settings>): ValkeyPlace {
  const { REDIS_SENTINELS: sentinels = [], REDIS_SENTINEL_NAME: name, REDIS_SENTINEL_PASSWORD } = settings;
  if (sentinels.length === 0 || name === undefined) return { url, sentinel: null };
  return { url, sentinel: { sentinels, name, password: REDIS_SENTINEL_PASSWORD ?? null } };
}
