import { RecordSplitter } from '../records/splitter';
import { endOfValue, scanObject, stringMember } from './json-values';
import { trimmed } from './line-splitter';
import { isS3Notice, shapeOf } from './record-shapes';
import { unknown } from './unknown-shape';

/** Exact texts, in portions: between two of them the caller can do other work. */
export type Texts = Generator<Buffer[], void>;

/** As much is split between two chances for other work. */
export const STRIDE_BYTES = 1024 * 1024;

/** The records of a trail file. @throws UnknownShape for a notification of S3; NotATrailFile where it is broken */
export function* trailFile(bytes: Buffer): Texts {
  const splitter = new RecordSplitter();
  let looked = false;
  for (const portion of splitTexts(splitter, bytes, 0)) {
    const [first] = portion;
    if (!looked && first) {
      looked = true;
      const scan = scanObject(first.toString('latin1'), 0);
      if (scan && isS3Notice(first, scan))
        throw unknown(
          'This is a notification of S3: it names files and holds no records; a source of kind S3_SQS reads it from a queue',
        );
    }
    yield portion;
  }
  splitter.end();
}

/**
 * What a splitter finds in the bytes, in portions. Each text is a view of them.
 * @param ahead how many bytes the splitter was given before
 */
export function* splitTexts(splitter: RecordSplitter, bytes: Buffer, ahead: number): Texts {
  for (let at = 0; at < bytes.length; at += STRIDE_BYTES) {
    // Whole, also where a record is too long to be kept.
    yield splitter
      .push(bytes.subarray(at, at + STRIDE_BYTES))
      .map(({ start, length }) => bytes.subarray(start - ahead, start - ahead + length));
  }
}

/** The record in an EventBridge event. @throws UnknownShape where it holds none of CloudTrail's */
export function detailOf(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1');
  const event = scanObject(text, 0);
  const range = event?.members.get('detail');
  const detail = range && scanObject(text, range.start);
  if (event?.end === null) throw unknown(`The JSON text ends too early, after ${bytes.length} bytes`);
  if (!range || !detail || shapeOf(detail) !== 'record') {
    throw unknown(
      `An EventBridge event "${stringMember(bytes, 'detail-type') ?? 'without a type'}" holds no record of CloudTrail`,
    );
  }
  return bytes.subarray(range.start, range.end);
}

/** One record by itself. @throws UnknownShape where it ends too early */
export function loneRecord(bytes: Buffer): Buffer {
  const text = trimmed(bytes);
  if (endOfValue(text.toString('latin1'), 0) !== text.length)
    throw unknown(`The JSON text ends too early, after ${bytes.length} bytes`);
  return text;
}
