import { createHash } from 'node:crypto';
import type { NewBatch } from '../../domain/batch';
import { type NotifiedObject, readNotification } from '../../domain/envelopes/notification';
import type { Source } from '../../domain/source';
import { objectBatch } from '../s3/object-batch';
import type { ReceivedMessage } from './queue';
import { isTrailKey } from './trail-key';

/** What comes of one message. */
export interface MessageBatches {
  batches: NewBatch[];
  /** Digests and other objects that are no log files, and events that tell of no new object. */
  skipped: number;
  /** Whether something in it was not understood: then a batch of the whole message goes to quarantine. */
  refused: boolean;
}

/** Turns a message into batches: one for each log file, and one of the message itself where part of it is unknown. */
export function messageBatches(source: Source, message: ReceivedMessage, now: Date): MessageBatches {
  const { objects, skipped, unknown } = readNotification(message.body);
  const logs = objects.filter(({ key }) => isTrailKey(key));
  const batches = logs.map((object) =>
    objectBatch(source, { ...located(object), lastModified: object.at ?? now }),
  );
  const refused = unknown.length > 0;
  if (refused) batches.push(refusal(source, message, unknown));
  return { batches, skipped: skipped.length + objects.length - logs.length, refused };
}

function located({ bucket, key, etag, size }: NotifiedObject) {
  return { bucket, key, etag, size };
}

/** The same message gives the same batch, so that one that comes again is not quarantined again. */
function refusal(source: Source, { id, body }: ReceivedMessage, reasons: string[]): NewBatch {
  const identity = JSON.stringify([source._id, source.epoch, id, body]);
  const more = reasons.length > 1 ? ` (and ${reasons.length - 1} more)` : '';
  return {
    _id: `msg_${createHash('sha256').update(identity).digest('hex').slice(0, 40)}`,
    sourceId: source._id,
    sourceKind: source.kind,
    reference: `message ${id.slice(0, 100)}`,
    payload: Buffer.from(body),
    refusal: `${reasons[0]}${more}`,
  };
}
