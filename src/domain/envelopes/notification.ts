/** An object that a notification tells of. */
export interface NotifiedObject {
  bucket: string;
  key: string;
  /** Without quotes; null where it is not told. */
  etag: string | null;
  /** Bytes; null where it is not told. */
  size: number | null;
  /** When it was written, as far as that is told. */
  at: Date | null;
}

/** What a message says: everything in it is one of the three. */
export interface Notification {
  objects: NotifiedObject[];
  /** What was understood and tells of no new object, each with the reason. */
  skipped: string[];
  /** What was not understood, each with the reason. */
  unknown: string[];
}

/** SNS that is forwarded to SNS wraps twice. */
const MAX_WRAPS = 3;
const OBJECT_CREATED = /^(s3:)?ObjectCreated:/;
/** AWS, MinIO and Ceph. */
const S3_SOURCE = /^[a-z]+:s3$/;
/** What CloudTrail publishes when a topic is named in a trail. */
const VALIDATION = /^"?CloudTrail validation message\.?"?$/;

/**
 * Reads the text of a queue's message that should tell of objects in S3: an S3 event, CloudTrail's own message or
 * EventBridge's, each maybe wrapped by SNS. Never throws: what nobody understands is told as that.
 */
export function readNotification(text: string, wraps = 0): Notification {
  if (VALIDATION.test(text.trim())) return skipped("CloudTrail's validation message");
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return unknown('the message is not JSON');
  }
  if (!isObject(message)) return unknown('the message is not a JSON object');
  if (message.Type === 'Notification' && typeof message.Message === 'string') {
    if (wraps === MAX_WRAPS) return unknown('the message is wrapped by SNS too often');
    return readNotification(message.Message, wraps + 1);
  }
  if (Array.isArray(message.Records)) return s3Event(message.Records);
  if (message.Event === 's3:TestEvent') return skipped('a test event of S3');
  if ('s3Bucket' in message || 's3ObjectKey' in message) return cloudTrailMessage(message);
  if ('detail-type' in message && isObject(message.detail)) return eventBridgeEvent(message);
  return unknown('the message is of no known shape');
}

function s3Event(records: unknown[]): Notification {
  const found: Notification = { objects: [], skipped: [], unknown: [] };
  for (const [index, record] of records.entries()) {
    const place = `record ${index + 1} of ${records.length}`;
    const read = s3Record(record);
    if (typeof read === 'object') found.objects.push(read);
    else if (read.startsWith('event ')) found.skipped.push(`${place}: ${read}`);
    else found.unknown.push(`${place} ${read}`);
  }
  return found;
}

/** @returns the object; else why there is none: `event ...` where the record tells of something else */
function s3Record(record: unknown): NotifiedObject | string {
  if (!isObject(record) || typeof record.eventName !== 'string') return 'is no notification of S3';
  if (typeof record.eventSource !== 'string' || !S3_SOURCE.test(record.eventSource))
    return 'is no notification of S3';
  const version = /^(\d+)\.\d+$/.exec(String(record.eventVersion));
  if (version?.[1] !== '2') return `has the version ${shown(record.eventVersion)}; 2.x is known`;
  if (!OBJECT_CREATED.test(record.eventName)) return `event ${shown(record.eventName)}`;
  const { s3 } = record;
  const bucket = isObject(s3) && isObject(s3.bucket) ? s3.bucket.name : null;
  const object = isObject(s3) && isObject(s3.object) ? s3.object : null;
  if (!isName(bucket) || !object || !isName(object.key)) return 'names no bucket and key';
  const key = decodedKey(object.key);
  if (key === null) return 'has a key that is not URL-encoded';
  return { bucket, key, etag: etagOf(object.eTag), size: sizeOf(object.size), at: timeOf(record.eventTime) };
}

function cloudTrailMessage(message: Record<string, unknown>): Notification {
  const { s3Bucket: bucket, s3ObjectKey } = message;
  const keys: unknown[] = Array.isArray(s3ObjectKey) ? s3ObjectKey : [s3ObjectKey];
  if (!isName(bucket) || keys.length === 0) return unknown("CloudTrail's message names no bucket and key");
  const good = keys.filter(isName);
  return {
    objects: good.map((key) => ({ bucket, key, etag: null, size: null, at: null })),
    skipped: [],
    unknown:
      good.length < keys.length
        ? [`${keys.length - good.length} of ${keys.length} keys in CloudTrail's message are no text`]
        : [],
  };
}

function eventBridgeEvent(message: Record<string, unknown>): Notification {
  if (message.source !== 'aws.s3') return unknown(`an EventBridge event of ${shown(message.source)}`);
  if (message['detail-type'] !== 'Object Created') return skipped(`event ${shown(message['detail-type'])}`);
  const { bucket, object } = message.detail as Record<string, unknown>;
  if (!isObject(bucket) || !isName(bucket.name) || !isObject(object) || !isName(object.key))
    return unknown('the EventBridge event names no bucket and key');
  return {
    objects: [
      {
        bucket: bucket.name,
        key: object.key,
        etag: etagOf(object.etag),
        size: sizeOf(object.size),
        at: timeOf(message.time),
      },
    ],
    skipped: [],
    unknown: [],
  };
}

function decodedKey(key: string): string | null {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    return null;
  }
}

function etagOf(value: unknown): string | null {
  const bare = typeof value === 'string' ? value.replace(/^"|"$/g, '') : '';
  return /^[\x21-\x7e]{1,200}$/.test(bare) ? bare : null;
}

function sizeOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

function timeOf(value: unknown): Date | null {
  const time = typeof value === 'string' ? new Date(value) : null;
  return time && !Number.isNaN(time.getTime()) ? time : null;
}

/** Buckets have at most 63 characters, keys 1,024 bytes. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 1_024;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  return JSON.stringify(value ?? null).slice(0, 80);
}

function skipped(reason: string): Notification {
  return { objects: [], skipped: [reason], unknown: [] };
}

function unknown(reason: string): Notification {
  return { objects: [], skipped: [], unknown: [reason] };
}
