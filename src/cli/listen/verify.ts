import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { sign } from '../../delivery/signature';

/** What the Standard Webhooks libraries allow. */
const TOLERANCE_SECONDS = 5 * 60;

/** Why a request is not one that a webhook with this secret sent just now; null where it is. */
export function signatureFault(
  headers: IncomingHttpHeaders,
  body: Buffer,
  secret: Buffer,
  nowSeconds: number,
): string | null {
  const id = headers['webhook-id'];
  const timestamp = Number(headers['webhook-timestamp']);
  const signatures = headers['webhook-signature'];
  if (typeof id !== 'string' || !Number.isInteger(timestamp) || typeof signatures !== 'string')
    return 'it has no webhook-id, webhook-timestamp and webhook-signature';
  if (Math.abs(nowSeconds - timestamp) > TOLERANCE_SECONDS) return 'its timestamp is more than 5 minutes off';
  const expected = Buffer.from(sign({ id, timestampSeconds: timestamp, body, secrets: [secret] }));
  const matches = signatures.split(' ').some((each) => {
    const given = Buffer.from(each);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
  return matches ? null : 'its signature is not that of the secret';
}
