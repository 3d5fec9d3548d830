import { Readable } from 'node:stream';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { BatchObject } from '../../domain/batch';
import { Permanent, Retryable } from '../../domain/errors';
import type { Source } from '../../domain/source';
import { serviceErrorOf } from '../aws/aws-fault';
import { callWithin } from '../aws/call-deadline';
import { readingError, readingFault } from './s3-fault';

/** Until the answer begins, retries included. */
const ANSWER_WITHIN_MS = 60_000;
/** For the whole body; what is slow on our side counts as well. */
const BODY_WITHIN_MS = 3_600_000;

/**
 * Opens the bytes of an object, of the very version that was told of where one was. The stream ends with an error where the body is
 * cut, stands still for 30 s or takes more than an hour, and when the signal aborts.
 * @throws Permanent where the object is gone or replaced, else Retryable
 */
export async function openObject(
  client: S3Client,
  source: Source,
  { bucket, key, etag }: BatchObject,
  signal: AbortSignal,
): Promise<Readable> {
  const command = new GetObjectCommand({
    Bucket: bucket,
    Key: key,
    ...(etag === null ? {} : { IfMatch: `"${etag}"` }),
  });
  // The SDK goes on to heed its signal while the body is read, so the time for the answer needs one of its own.
  const body = await callWithin(ANSWER_WITHIN_MS, signal, async (abortSignal) => {
    const output = await client.send(command, { abortSignal });
    return output.Body;
  }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw asStageError(error, source);
  });
  if (!(body instanceof Readable)) throw new Retryable('the answer to reading the object has no body');
  if (signal.aborted) body.destroy();
  signal.throwIfAborted();
  return endWith(body, signal);
}

function asStageError(error: unknown, source: Source): Permanent | Retryable {
  const { code, status } = serviceErrorOf(error);
  if (code === 'NoSuchKey') return new Permanent('the object is gone', { cause: error });
  if (status === 412) {
    return new Permanent('the object was replaced: its new version is fetched as a batch of its own', {
      cause: error,
    });
  }
  return readingError(readingFault(error, source), error);
}

function endWith(body: Readable, signal: AbortSignal): Readable {
  const onAbort = () => body.destroy(new Error('the reading was given up', { cause: signal.reason }));
  const timer = setTimeout(
    () => body.destroy(new Error(`the object was not read within ${BODY_WITHIN_MS / 60_000} minutes`)),
    BODY_WITHIN_MS,
  );
  signal.addEventListener('abort', onAbort, { once: true });
  body.once('close', () => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  });
  return body;
}
