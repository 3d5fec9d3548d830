import { createHmac, randomBytes } from 'node:crypto';
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

/**
 * The value of `webhook-signature` (Standard Webhooks, symmetric): one `v1,<base64>` for each secret, in their order,
 * separated by spaces. More than one while a secret rotates.
 * @param message `id` without a dot; `body` exactly as it is sent
 */
export function sign(message: {
  id: string;
  timestampSeconds: number;
  body: Buffer;
  secrets: Buffer[];
}): string {
  const { id, timestampSeconds, body, secrets } = message;
  return secrets
    .map((secret) => {
      const mac = createHmac('sha256', secret).update(`${id}.${timestampSeconds}.`).update(body);
      return `v1,${mac.digest('base64')}`;
    })
    .join(' ');
}
