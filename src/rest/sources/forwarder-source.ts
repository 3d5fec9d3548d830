import { z } from 'zod';
import { atLeast } from '../../auth/roles';
import type { Source } from '../../domain/source';
import type { Role } from '../../domain/user';

const text = z.string().max(2_048, 'must have at most 2048 characters').nullish();

/** A source as the forwarder that TrailGraph stands in for was sent one. Empty texts count as absent. */
export const FORWARDER_SOURCE = z.object({
  id: z
    .string()
    .regex(
      /^([A-Za-z0-9][A-Za-z0-9._-]{0,63})?$/,
      'must be 1 to 64 letters, digits, dots, dashes or underscores',
    )
    .nullish()
    .describe('Made where it is absent; one that is, or was, in use is refused.'),
  sourceType: z.literal('AWS', 'must be AWS').describe('AWS, the one type there is.'),
  accessKeyId: text.describe(
    "With secretAccessKey; without both the server's own credentials, if an ADMIN asks.",
  ),
  secretAccessKey: text,
  region: text.describe(
    'Of the bucket; without s3Bucket the Region to look events up in, all where it is absent.',
  ),
  logFetchInterval: z
    .number('must be a number')
    .int('must be a whole number')
    .nullish()
    .describe('Seconds between two looks: from 5 for a bucket, from 10 without, 60 where it is absent or 0.'),
  callbackUrl: text.describe('Becomes a webhook of this source, of format FORWARDER_V1.'),
  s3Bucket: text.describe('Read the trail in this bucket; without it LookupEvents is asked.'),
  s3Prefix: text.describe('What stands before AWSLogs/ in the keys.'),
});

export type ForwarderSource = z.infer<typeof FORWARDER_SOURCE>;

/** A source as it is shown. */
export interface ShownSource {
  id: string;
  sourceType: 'AWS';
  accessKeyId: string;
  secretAccessKey: string;
  region: string;
  logFetchInterval: number;
  callbackUrl: string;
  s3Bucket: string;
  s3Prefix: string;
}

/** What `createSource` takes, of kind S3_BUCKET or LOOKUP_EVENTS. */
export function sourceInput(given: ForwarderSource): Record<string, unknown> {
  const { id, region, accessKeyId, secretAccessKey, s3Bucket, s3Prefix, logFetchInterval } = given;
  const pollIntervalSeconds = logFetchInterval || null;
  const aws = {
    ...(region ? { region } : {}),
    ...(accessKeyId ? { accessKeyId } : {}),
    ...(secretAccessKey ? { secretAccessKey } : {}),
  };
  if (s3Bucket) {
    const s3 = { bucket: s3Bucket, prefix: s3Prefix || null, pollIntervalSeconds };
    return { name: id || s3Bucket, aws, s3 };
  }
  const lookupEvents = { regions: region ? [region] : [], pollIntervalSeconds };
  return { name: id || `LookupEvents ${region || 'in all Regions'}`, aws, lookupEvents };
}

/** How members of `createSource` and `createWebhook` are called here. */
const NAMES: Readonly<Record<string, string>> = {
  bucket: 's3Bucket',
  prefix: 's3Prefix',
  pollIntervalSeconds: 'logFetchInterval',
  regions: 'region',
  url: 'callbackUrl',
};

/** The name that a member has in the JSON of this API; null where it has none. */
export function memberName(path: readonly (string | number)[]): string | null {
  const own = Object.keys(FORWARDER_SOURCE.shape);
  const names = path.map((part) => NAMES[part] ?? String(part));
  return names.findLast((name) => own.includes(name)) ?? null;
}

const MASK = '********';

/**
 * A source in the JSON of this API, its secret masked; for a VIEWER its access key id too, and the callback without
 * its query. What is absent is an empty text.
 */
export function shownSource(
  source: Source,
  { accessKeyId, callbackUrl, role }: { accessKeyId: string | null; callbackUrl: string | null; role: Role },
): ShownSource {
  const { _id: id, aws, s3, lookupEvents } = source;
  const trusted = atLeast(role, 'OPERATOR');
  return {
    id,
    sourceType: 'AWS',
    accessKeyId: accessKeyId === null ? '' : trusted ? accessKeyId : MASK,
    secretAccessKey: accessKeyId === null ? '' : MASK,
    region: aws?.region ?? lookupEvents?.regions[0] ?? '',
    logFetchInterval: s3?.pollIntervalSeconds ?? lookupEvents?.pollIntervalSeconds ?? 0,
    callbackUrl: callbackUrl === null ? '' : trusted ? callbackUrl : withoutQuery(callbackUrl),
    s3Bucket: s3?.bucket ?? '',
    s3Prefix: s3?.prefix ? `${s3.prefix}/` : '',
  };
}

function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}
