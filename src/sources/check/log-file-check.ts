import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { messageOf, Permanent } from '../../domain/errors';
import { RecordSplitter } from '../../domain/records/splitter';
import type { Source } from '../../domain/source';
import { serviceErrorOf } from '../aws/aws-fault';
import type { Learned } from '../aws/least-policy';
import { readingFault } from '../s3/s3-fault';
import type { CheckRun } from './check-run';
import { isDenied, tryPermission } from './permission';

export const SAMPLES = 3;
/** Inflated: more than three of the largest records. */
const SAMPLE_BYTES = 4 * 1024 * 1024;

export interface LogFile {
  bucket: string;
  key: string;
}

export interface LogFileCheck {
  records: object[];
  learned: Learned;
}

interface Opened {
  kmsKeyArn: string | null;
  /** Null where they could not be decrypted. */
  records: FirstRecords | null;
}

interface Parts {
  run: CheckRun;
  source: Source;
  client: () => S3Client;
  /** Null where a step before found none to read. */
  file: LogFile | null;
}

/** The steps of reading one log file: s3:GetObject, kms:Decrypt, and what is in it. */
export async function checkLogFile({ run, source, client, file }: Parts): Promise<LogFileCheck> {
  const known: Learned = file && !source.s3 ? { bucket: file.bucket } : {};
  let sealed: unknown = null;
  const opened = await tryPermission<Opened>(run, source, {
    action: 's3:GetObject',
    learned: known,
    restsOn: [file],
    work: async (signal) => {
      const at = `s3://${file!.bucket}/${file!.key}`;
      try {
        const command = new GetObjectCommand({ Bucket: file!.bucket, Key: file!.key });
        const { Body, SSEKMSKeyId } = await client().send(command, { abortSignal: signal });
        const records = await firstRecords(Body as Readable);
        return {
          status: 'PASS',
          message: `Read ${at}.`,
          value: { kmsKeyArn: SSEKMSKeyId ?? null, records },
        };
      } catch (error) {
        signal.throwIfAborted();
        if (isKms(error)) {
          sealed = error;
          return {
            status: 'PASS',
            message: `${at} may be read, but not be decrypted.`,
            value: { kmsKeyArn: keyIn(error), records: null },
          };
        }
        throw source.s3 && !isDenied(error) ? asPermanent(error, source) : error;
      }
    },
  });
  const kmsKeyArn = opened?.kmsKeyArn ?? (opened && !sealed ? null : undefined);
  const learned: Learned = kmsKeyArn === undefined ? known : { ...known, kmsKeyArn };
  const decrypted = await checkKey({ run, source, learned, opened: opened !== null, sealed });
  return { records: await checkSample(run, decrypted ? (opened?.records ?? null) : null), learned };
}

async function checkKey({
  run,
  source,
  learned,
  opened,
  sealed,
}: {
  run: CheckRun;
  source: Source;
  learned: Learned;
  opened: boolean;
  sealed: unknown;
}): Promise<true | null> {
  return tryPermission(run, source, {
    action: 'kms:Decrypt',
    learned,
    restsOn: [opened || null],
    work: async () => {
      if (sealed) throw sealed;
      const message = learned.kmsKeyArn
        ? `The log file is encrypted with ${learned.kmsKeyArn}, and was decrypted.`
        : 'The log file is not encrypted with a key of KMS: the action is not needed.';
      return { status: 'PASS', message, value: true as const };
    },
  });
}

async function checkSample(run: CheckRun, read: FirstRecords | null): Promise<object[]> {
  const records = await run.step({
    name: 'sample',
    restsOn: [read],
    work: async () => {
      const { records, fault } = read!;
      if (fault) {
        throw new Permanent(`The newest log file can not be read as one: ${fault}`, {
          remedy: 'Check that only CloudTrail writes under this prefix.',
        });
      }
      return {
        status: records.length > 0 ? 'PASS' : 'WARN',
        message: records.length > 0 ? `It holds CloudTrail records.` : 'The newest log file is empty.',
        remedy: records.length > 0 ? null : 'Nothing needs to be done, if nothing happened then.',
        value: records,
      };
    },
  });
  return records ?? [];
}

interface FirstRecords {
  records: object[];
  /** Why the bytes are no log file. */
  fault: string | null;
}

async function firstRecords(body: Readable): Promise<FirstRecords> {
  const splitter = new RecordSplitter();
  const records: object[] = [];
  const gunzip = createGunzip();
  // Its failure comes out of the last stream.
  pipeline(body, gunzip, () => undefined);
  let size = 0;
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      for (const { bytes } of splitter.push(chunk))
        records.push(JSON.parse(bytes.toString('utf8')) as object);
      size += chunk.length;
      if (records.length >= SAMPLES || size > SAMPLE_BYTES)
        return { records: records.slice(0, SAMPLES), fault: null };
    }
    splitter.end();
    return { records, fault: null };
  } catch (error) {
    return { records: [], fault: messageOf(error, 200) };
  } finally {
    gunzip.destroy();
    body.destroy();
  }
}

/** S3 says so in the text of its denial alone. */
function isKms(error: unknown): boolean {
  const { code, message } = serviceErrorOf(error);
  return code.startsWith('KMS') || (isDenied(error) && /kms:Decrypt|KMS key/i.test(message));
}

function keyIn(error: unknown): string | null {
  return (
    /\barn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+/.exec(serviceErrorOf(error).message)?.[0] ?? null
  );
}

function asPermanent(error: unknown, source: Source): Permanent {
  const { message, remedy } = readingFault(error, source);
  return new Permanent(message, remedy === undefined ? { cause: error } : { cause: error, remedy });
}
