import { gunzipSync } from 'node:zlib';
import { messageOf } from '../errors';
import { NotATrailFile, RecordSplitter } from '../records/splitter';
import { endOfValue, scanObject, skipSpace, stringMember } from './json-values';
import { asValue, trimmed } from './line-splitter';
import { detailOf, loneRecord, STRIDE_BYTES, splitTexts, type Texts, trailFile } from './plain-shapes';
import { type RecordShape, shapeOf } from './record-shapes';
import { UnknownShape, unknown } from './unknown-shape';

export interface RecordTextsOptions {
  /** Most bytes that all gzip texts inside may inflate to, together. */
  maxInflatedBytes: number;
}

/** Envelopes in envelopes: Firehose of a CloudWatch Logs subscription of an SNS notification is three. */
const MAX_NESTING = 6;
/** Most shapes show in the first bytes. */
const GLANCE_BYTES = 64 * 1024;
/** The longest single event or notification that AWS sends has 1 MiB. */
const LOOK_BYTES = 4 * 1024 * 1024;
const NEWLINE = 0x0a;
const OPEN_BRACE = '{';
const OPEN_LIST = '[';
const LIST_BEFORE = Buffer.from('{"Records":');
const LIST_AFTER = Buffer.from('}');

/**
 * Finds the records in what came, whatever it is wrapped in, and gives the exact text of each, in order. They come in
 * portions, so that the caller can do other work in between. Each is one JSON value: what was meant as a record and is
 * broken comes as a JSON string, for whoever reads records to reject it alone.
 * @throws UnknownShape where the whole is none of the shapes, or is broken as a whole
 */
export function* recordTexts(bytes: Buffer, { maxInflatedBytes }: RecordTextsOptions): Texts {
  try {
    yield* new Unwrapper(maxInflatedBytes).texts(bytes, 0);
  } catch (error) {
    if (!(error instanceof NotATrailFile)) throw error;
    throw unknown(error.message);
  }
}

class Unwrapper {
  constructor(private inflatable: number) {}

  *texts(bytes: Buffer, depth: number): Texts {
    if (depth > MAX_NESTING) throw unknown('It is wrapped too often');
    if (isGzip(bytes)) {
      yield* this.texts(this.inflate(bytes), depth + 1);
      return;
    }
    const body = withoutMark(bytes);
    const glance = body.toString('latin1', 0, GLANCE_BYTES);
    const at = skipSpace(glance, 0);
    if (glance[at] === OPEN_LIST) yield* this.list(body, depth);
    else if (glance[at] === OPEN_BRACE) yield* this.values(body, glance, at, depth);
    else throw unknown(body.length === 0 ? 'There is nothing in it' : 'This is no JSON');
  }

  /** One object, or several after each other. The first says what they are. */
  private *values(body: Buffer, glance: string, at: number, depth: number): Texts {
    let text = glance;
    let first = scanObject(text, at);
    let shape = first ? shapeOf(first) : null;
    const cut = first?.end === null && body.length > text.length;
    if (cut && !(shape && SPLIT_AS_THEY_STREAM.has(shape))) {
      text = body.toString('latin1', 0, LOOK_BYTES);
      first = scanObject(text, at);
      shape = first ? shapeOf(first) : null;
    }
    // What no one knows may still be a trail file with much before its records, or a broken one.
    if (!first || first.end === null) {
      if (shape === 'record' && body.length > LOOK_BYTES) yield [asValue(trimmed(body))];
      else yield* this.object(body, shape ?? 'trail-file', depth);
      return;
    }
    if (!shape) throw unknown('This is none of the shapes that are taken');
    if (skipSpace(text, first.end) === text.length && text.length >= body.length) {
      yield* this.object(body.subarray(at, first.end), shape, depth);
      return;
    }
    const lineEnd = body.indexOf(NEWLINE, first.end);
    const ownLine = body.indexOf(NEWLINE, at) === lineEnd;
    yield* ownLine ? this.lines(body, depth) : this.sequence(body, depth);
  }

  /** NDJSON: a broken line costs only itself. */
  private *lines(body: Buffer, depth: number): Texts {
    let from = 0;
    while (from < body.length) {
      const newline = body.indexOf(NEWLINE, from);
      const end = newline < 0 ? body.length : newline;
      const line = trimmed(body.subarray(from, end));
      if (line.length > 0) yield* this.sequence(line, depth);
      from = end + 1;
    }
  }

  /** Values one after another, as Firehose joins them; what follows a broken one can't be told apart from it. */
  private *sequence(body: Buffer, depth: number): Texts {
    const text = body.toString('latin1');
    let at = skipSpace(text, 0);
    let texts: Buffer[] = [];
    let size = 0;
    while (at < text.length) {
      const end = text[at] === OPEN_BRACE ? endOfValue(text, at) : null;
      const value = body.subarray(at, end ?? body.length);
      if (end === null) texts.push(asValue(trimmed(value)));
      else for (const portion of this.one(value, depth)) texts.push(...portion);
      size += value.length;
      if (size >= STRIDE_BYTES) {
        yield texts;
        texts = [];
        size = 0;
      }
      at = skipSpace(text, end ?? text.length);
    }
    yield texts;
  }

  /** One of several objects: what it is not is its own fault, not the others'. */
  private *one(value: Buffer, depth: number): Texts {
    const scan = scanObject(value.toString('latin1'), 0);
    const shape = scan && shapeOf(scan);
    if (!shape || shape === 'record') yield [asValue(value)];
    else yield* this.nested(value, depth);
  }

  private *list(body: Buffer, depth: number): Texts {
    const splitter = new RecordSplitter();
    splitter.push(LIST_BEFORE);
    const texts = splitTexts(splitter, body, LIST_BEFORE.length);
    let wrapped: boolean | null = null;
    for (const portion of texts) {
      const [first] = portion;
      wrapped ??= first === undefined ? null : isWrapped(first);
      if (!wrapped) yield portion;
      else for (const value of portion) yield* this.one(value, depth);
    }
    if (splitter.inList) throw unknown(`The JSON text ends too early, after ${body.length} bytes`);
    splitter.push(LIST_AFTER);
    splitter.end();
  }

  /** @param bytes one object, of this shape */
  private *object(bytes: Buffer, shape: RecordShape, depth: number): Texts {
    switch (shape) {
      case 'trail-file':
        return yield* trailFile(bytes);
      case 'record':
        return yield [loneRecord(bytes)];
      case 'event-bridge':
        return yield [detailOf(bytes)];
      case 'firehose':
        return yield* this.each(bytes, 'records', 'data', depth);
      case 'log-subscription':
        if (stringMember(bytes, 'messageType') === 'CONTROL_MESSAGE') return yield [];
        return yield* this.each(bytes, 'logEvents', 'message', depth);
      case 'sns':
        return yield* this.sns(bytes, depth);
      case 'lambda-logs':
        return yield* this.lambdaLogs(bytes, depth);
    }
  }

  /** The text in one member of each element of a list: base64 in Firehose's `data`, as it is in a log's `message`. */
  private *each(bytes: Buffer, list: string, member: 'data' | 'message', depth: number): Texts {
    const splitter = new RecordSplitter(list);
    for (const portion of splitTexts(splitter, bytes, 0)) {
      for (const element of portion) {
        const text = stringMember(element, member);
        if (text === null) yield [asValue(element)];
        else yield* this.nested(Buffer.from(text, member === 'data' ? 'base64' : 'utf8'), depth);
      }
      yield [];
    }
    splitter.end();
  }

  private *sns(bytes: Buffer, depth: number): Texts {
    const type = stringMember(bytes, 'Type');
    const message = stringMember(bytes, 'Message');
    if (type !== 'Notification' || message === null)
      throw unknown(`An SNS message of type ${type ?? 'unknown'} holds no records`);
    yield* this.texts(Buffer.from(message), depth + 1);
  }

  private *lambdaLogs(bytes: Buffer, depth: number): Texts {
    const inner = scanObject(bytes.toString('latin1'), 0)?.members.get('awslogs');
    const data = inner ? stringMember(bytes.subarray(inner.start, inner.end), 'data') : null;
    if (data === null) throw unknown('`awslogs` holds no `data`');
    yield* this.nested(Buffer.from(data, 'base64'), depth);
  }

  /** What stands in an envelope beside others: where nobody knows it, it is one broken record. */
  private *nested(bytes: Buffer, depth: number): Texts {
    if (trimmed(bytes).length === 0) return;
    try {
      yield* this.texts(bytes, depth + 1);
    } catch (error) {
      if (!(error instanceof UnknownShape || error instanceof NotATrailFile)) throw error;
      yield [asValue(trimmed(bytes))];
    }
  }

  private inflate(bytes: Buffer): Buffer {
    try {
      const inflated = gunzipSync(bytes, { maxOutputLength: Math.max(1, this.inflatable) });
      this.inflatable -= inflated.length;
      return inflated;
    } catch (error) {
      throw unknown(`The gzip data in it can't be inflated (${messageOf(error, 200)})`);
    }
  }
}

/** Their lists are split as the bytes come, so that their size does not matter. */
const SPLIT_AS_THEY_STREAM: ReadonlySet<RecordShape> = new Set([
  'trail-file',
  'firehose',
  'log-subscription',
]);

function isWrapped(element: Buffer): boolean {
  const scan = scanObject(element.toString('latin1'), 0);
  const shape = scan && shapeOf(scan);
  return shape !== null && shape !== 'record';
}

function withoutMark(bytes: Buffer): Buffer {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}

export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length > 1 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}
