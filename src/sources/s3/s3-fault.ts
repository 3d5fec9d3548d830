import { Permanent, Retryable } from '../../domain/errors';
import type { S3BucketConfig, Source } from '../../domain/source';
import { DEFAULT_REGION, partitionOf } from '../aws/aws-defaults';
import { type AwsFault, commonFault, endpointOf, serviceErrorOf } from '../aws/aws-fault';
import { trailRoot } from './log-key';

/** The settings that a source of this kind has. @throws Permanent where it has none */
export function s3ConfigOf(source: Source): S3BucketConfig {
  if (!source.s3) throw new Permanent(`the source "${source.name}" names no bucket`);
  return source.s3;
}

/** Says what a listing failed of. */
export function listingFault(error: unknown, source: Source): AwsFault {
  const { bucket } = s3ConfigOf(source);
  return (
    wholeBucketFault(error, source) ?? {
      kind: 'denied',
      message: `listing s3://${bucket} is denied (${serviceErrorOf(error).code})`,
      remedy: `Allow it by this statement, and look for a bucket policy that denies it: ${statement(source, 's3:ListBucket', bucket)}`,
    }
  );
}

/** Says what reading an object failed of; its being gone or replaced is the caller's to tell. */
export function readingFault(error: unknown, source: Source): AwsFault {
  const { bucket, prefix } = s3ConfigOf(source);
  const { code } = serviceErrorOf(error);
  if (code === 'InvalidObjectState') {
    return {
      kind: 'denied',
      message: 'the object lies in an archive (S3 Glacier)',
      remedy: 'Restore the object from the archive, then retry the batch.',
    };
  }
  const resource = `${bucket}/${trailRoot(prefix)}*`;
  return (
    wholeBucketFault(error, source) ?? {
      kind: 'denied',
      message: `reading from s3://${bucket} is denied (${code})`,
      remedy:
        `Allow it by this statement: ${statement(source, 's3:GetObject', resource)}` +
        ' Where the trail is encrypted with a KMS key, kms:Decrypt on that key is needed as well.',
    }
  );
}

/** Null for a plain 403, which means another thing for each action. */
function wholeBucketFault(error: unknown, source: Source): AwsFault | null {
  const { bucket } = s3ConfigOf(source);
  const told = serviceErrorOf(error);
  const elsewhere = regionFault(error, source);
  if (elsewhere) return elsewhere;
  if (told.code === 'NoSuchBucket') {
    return {
      kind: 'missing',
      message: `the bucket "${bucket}" does not exist at ${endpointOf(source)}`,
      remedy: "Check the bucket's name; it is the name alone, without s3:// and without a folder.",
    };
  }
  const common = commonFault(error, source);
  if (common) return common;
  if (told.status === 403) return null;
  const answer = told.status === null ? told.code : `${told.status} ${told.code}`;
  return {
    kind: 'other',
    message: `${endpointOf(source)} answered ${answer}: ${told.message}`,
    remedy: 'Check the name of the bucket, and that the endpoint speaks the S3 protocol.',
  };
}

const ELSEWHERE = new Set([
  'PermanentRedirect',
  'TemporaryRedirect',
  'IllegalLocationConstraintException',
  'Redirect',
]);

function regionFault(error: unknown, source: Source): AwsFault | null {
  const { code, status, header, member, message } = serviceErrorOf(error);
  const malformed = code === 'AuthorizationHeaderMalformed' && /region/i.test(message);
  if (!(ELSEWHERE.has(code) || status === 301 || malformed)) return null;
  const { bucket } = s3ConfigOf(source);
  const asked = source.aws?.region ?? DEFAULT_REGION;
  const region =
    header('x-amz-bucket-region') ?? member('Region') ?? /expecting '([a-z0-9-]+)'/.exec(message)?.[1];
  if (!region || region === asked) {
    return {
      kind: 'access',
      message: `the bucket "${bucket}" is not in ${asked} (${code})`,
      remedy:
        "Set the source's Region to the bucket's: the S3 console and `aws s3api get-bucket-location` show it.",
    };
  }
  return {
    kind: 'access',
    message: `the bucket "${bucket}" is in ${region}, but the source asks in ${asked}`,
    remedy: `Set the source's Region to ${region}.`,
  };
}

function statement(source: Source, action: string, resource: string): string {
  const region = source.aws?.region ?? DEFAULT_REGION;
  return JSON.stringify({
    Effect: 'Allow',
    Action: action,
    Resource: `arn:${partitionOf(region)}:s3:::${resource}`,
  });
}

/** A failed listing: a fault of settings and permissions stays until somebody mends it. */
export function listingError({ kind, message, remedy }: AwsFault, cause: unknown): Permanent | Retryable {
  const options = remedy === undefined ? { cause } : { cause, remedy };
  const lasting = kind === 'access' || kind === 'denied' || kind === 'missing';
  return lasting ? new Permanent(message, options) : new Retryable(message, options);
}

/**
 * An object that could not be read now. Only what was denied or is missing carries a remedy, by which the object is
 * given up after a day; a fault in the source's settings or on the way there must not cost any object, however long it
 * lasts, and is told by the source's own status.
 */
export function readingError({ kind, message, remedy }: AwsFault, cause: unknown): Retryable {
  const givenUpAfterADay = kind === 'denied' || kind === 'missing';
  return new Retryable(message, givenUpAfterADay && remedy !== undefined ? { cause, remedy } : { cause });
}
