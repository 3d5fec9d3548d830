import {
  createHmac,
  createPrivateKey,
  generateKeyPairSync,
  randomBytes,
  sign as signMessage,
} from 'node:crypto';
import { Invalid } from '../domain/errors';

const PREFIX = 'whsec_';
const NEW_SECRET_BYTES = 32;

/** What the Standard Webhooks specification allows. */
const MIN_SECRET_BYTES = 24;
const MAX_SECRET_BYTES = 64;

/** A new signing secret as its receiver gets it: `whsec_` and 32 random bytes in base64. */
export function newWebhookSecret(): string {
  return PREFIX + randomBytes(NEW_SECRET_BYTES).toString('base64');
}

/**
 * The key in a secret of the form `whsec_` + base64 of 24 to 64 bytes.
 * @throws Invalid, never with the secret in it
 */
export function parseWebhookSecret(text: string): Buffer {
  const encoded = text.startsWith(PREFIX) ? text.slice(PREFIX.length) : '';
  const key = Buffer.from(encoded, 'base64');
  // Buffer.from skips what is not base64: only what comes back the same was.
  const exact = key.toString('base64').replace(/=+$/, '') === encoded.replace(/=+$/, '');
  if (!exact || key.length < MIN_SECRET_BYTES || key.length > MAX_SECRET_BYTES)
    throw new Invalid('a webhook secret is whsec_ followed by the base64 of 24 to 64 bytes');
  return key;
}

/** An ed25519 key pair: the private one as PKCS#8 DER, to be sealed, the public one as `whpk_` and base64. */
export function newSigningKey(): { privateKey: Buffer; publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  return {
    privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }),
    publicKey: `whpk_${raw.toString('base64')}`,
  };
}

/**
 * The value of `webhook-signature` (Standard Webhooks): one `v1,<base64>` for each secret, in their order, then
 * `v1a,<base64>` by the ed25519 key where there is one, separated by spaces. More than one secret while they rotate.
 * @param message `id` without a dot; `body` exactly as it is sent
 */
export function sign(message: {
  id: string;
  timestampSeconds: number;
  body: Buffer;
  secrets: Buffer[];
  signingKey?: Buffer | null;
}): string {
  const { id, timestampSeconds, body, secrets, signingKey } = message;
  const head = `${id}.${timestampSeconds}.`;
  const signatures = secrets.map(
    (secret) => `v1,${createHmac('sha256', secret).update(head).update(body).digest('base64')}`,
  );
  if (signingKey) {
    const key = createPrivateKey({ key: signingKey, format: 'der', type: 'pkcs8' });
    const signed = signMessage(null, Buffer.concat([Buffer.from(head), body]), key);
    signatures.push(`v1a,${signed.toString('base64')}`);
  }
  return signatures.join(' ');
}
