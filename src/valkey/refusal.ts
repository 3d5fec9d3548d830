import type { Redis } from 'ioredis';
import { messageOf } from '../domain/errors';

const CERTIFICATE_UNKNOWN = /self-signed certificate|unable to (verify|get)/;

/**
 * What to do where Valkey or a Sentinel is there and does not take us, or we don't take it; null for other errors: it may
 * just be away. Holds neither the URL nor a password.
 */
export function valkeyRefusal(error: unknown): string | null {
  const { code } = (error ?? {}) as { code?: unknown };
  // ioredis says of what befell it at the Sentinels only the last text.
  const text = messageOf(error, 200);
  if (/WRONGPASS|NOAUTH|AUTH called without|invalid password/i.test(text))
    return /sentinel/i.test(text)
      ? 'The Sentinels refuse us. Is REDIS_SENTINEL_PASSWORD right?'
      : 'Valkey refuses the user or the password of REDIS_URL. Are both right, with special characters percent-encoded?';
  if (/NOPERM/.test(text))
    return `Valkey does not let the user of REDIS_URL do what a server must (${text}). See docs/security.md for its rights.`;
  if (CERTIFICATE_UNKNOWN.test(text))
    return `Valkey's certificate is not trusted (${text}). Name the file of the authority that signed it in REDIS_TLS_CA_FILE.`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || /altnames/.test(text))
    return `Valkey's certificate is for another host (${text}). Name it in REDIS_URL, and let the Sentinels announce it, as the certificate does.`;
  if (/certificate required/i.test(text))
    return 'Valkey asks for a certificate of ours: name its file in REDIS_TLS_CERT_FILE, and REDIS_TLS_KEY_FILE.';
  if (/wrong version number|packet length too long/i.test(text))
    return 'Valkey does not speak TLS there: begin REDIS_URL with redis://, or name the port that does.';
  return null;
}

/** Tells what to do as soon as a connection is refused, at the start or later, once until it is taken again. */
export function onRefusal(client: Redis, tell: (refusal: string) => void): void {
  let told = false;
  client.on('error', (error) => {
    const refusal = told ? null : valkeyRefusal(error);
    if (refusal === null) return;
    told = true;
    tell(refusal);
  });
  client.on('ready', () => {
    told = false;
  });
}
