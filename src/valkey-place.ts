import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Settings } from './config/settings';
import { Invalid, messageOf } from './domain/errors';
import { asksForTls, type ValkeyPlace, type ValkeyTls } from './valkey/place';

const TLS_FILES = {
  ca: 'REDIS_TLS_CA_FILE',
  cert: 'REDIS_TLS_CERT_FILE',
  key: 'REDIS_TLS_KEY_FILE',
} as const satisfies Record<keyof ValkeyTls, keyof Settings>;

/**
 * Where Valkey is, by the settings: at `url`, or where the Sentinels that they name say.
 * @throws Invalid where a file that they name can't be used
 */
export function valkeyPlace(url: string, settings: Partial<Settings>): ValkeyPlace {
  const { REDIS_SENTINELS: sentinels = [], REDIS_SENTINEL_NAME: name, REDIS_SENTINEL_PASSWORD } = settings;
  const tls = asksForTls(url) ? readTls(settings) : null;
  if (sentinels.length === 0 || name === undefined) return { url, sentinel: null, tls };
  return { url, sentinel: { sentinels, name, password: REDIS_SENTINEL_PASSWORD ?? null }, tls };
}

/** Each file by itself, then all together: a key that is not the certificate's would fail at each connection. */
function readTls(settings: Partial<Settings>): ValkeyTls {
  const tls: ValkeyTls = {};
  for (const [part, setting] of Object.entries(TLS_FILES) as [keyof ValkeyTls, keyof Settings][]) {
    const file = settings[setting];
    if (typeof file !== 'string') continue;
    tls[part] = usable(`${setting} (${file})`, () => {
      const pem = readFileSync(file);
      if (part !== 'key') createSecureContext({ [part]: pem });
      return pem;
    });
  }
  usable('REDIS_TLS_KEY_FILE, as the key of REDIS_TLS_CERT_FILE,', () => createSecureContext(tls));
  return tls;
}

function usable<T>(what: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new Invalid(`${what} can't be used: ${messageOf(error)}.`);
  }
}
