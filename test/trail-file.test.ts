import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { Batch } from '../src/domain/batch';
import { Retryable } from '../src/domain/errors';
import {
  MAX_RECORD_BYTES,
  NotATrailFile,
  type RawRecord,
  RecordSplitter,
} from '../src/domain/records/splitter';
import { readSlices, SLICE_BYTES, type Slice, Unreadable } from '../src/pipeline/batch-reader';

/** A failing random test prints its seed: give it here to see it again. */
const SEED = Number(process.env.TEST_SEED ?? Date.now() % 0x7fffffff);

interface Split {
  records: RawRecord[];
  fault: string | null;
}

/** Splits a text that comes in the pieces that begin at these places. */
function split(text: Buffer, cuts: number[] = []): Split {
  const splitter = new RecordSplitter();
  const records: RawRecord[] = [];
  const edges = [0, ...cuts, text.length];
  try {
    for (const [i, from] of edges.slice(0, -1).entries()) {
      records.push(...splitter.push(Buffer.from(text.subarray(from, edges[i + 1]))));
    }
    splitter.end();
    return { records, fault: null };
  } catch (error) {
    if (!(error instanceof NotATrailFile)) throw error;
    return { records, fault: error.message };
  }
}

const every = (size: number, text: Buffer): number[] =>
  Array.from({ length: Math.ceil(text.length / size) - 1 }, (_, i) => (i + 1) * size);

const told = ({ records, fault }: Split) => ({
  fault,
  records: records.map(({ bytes, ...rest }) => ({ text: bytes.toString('utf8'), ...rest })),
});

describe('splitting a trail file into the texts of its records', () => {
  const elements = [
    '{}',
    '{"a":"}]{[\\"","b":["\\\\",{"c":"\\\\\\""}]}',
    '{ "é€😀" : "😀\\ud83d\\ude00 ,:{" , "k:":{"k":{"k":[[]]}}}',
    '"a bare \\"string\\" with , and ]"',
    '-12.5e+3',
    'null',
    '[1,{"x":2}]',
    '{"only":"\\u0022"}',
  ];
  const list = ` ${elements.join(' ,\n')} `;
  const file = Buffer.from(
    `\ufeff { "before" : {"Records":[{"no":1}],"s":"]}\\""} , "n":1.5,"${'k'.repeat(90)}":"v", "Records" : [${list}] , "after":[[{"x":"}"}]],"t":true} \n`,
  );
  const whole = split(file);

  it('finds each element, where it stands, how deep it nests and how many keys it has', () => {
    expect(whole.fault).toBeNull();
    expect(told(whole).records.map(({ text }) => text)).toEqual(elements);
    for (const { bytes, start, length, oversized } of whole.records) {
      expect(file.subarray(start, start + length)).toEqual(bytes);
      expect(oversized).toBe(false);
    }
    expect(whole.records.map(({ depth }) => depth)).toEqual([1, 3, 5, 0, 0, 0, 2, 1]);
    expect(whole.records.map(({ keys }) => keys)).toEqual([0, 3, 4, 0, 0, 0, 1, 1]);
  });

  it('finds the same however the bytes are cut: at every place, and into pieces of every size up to 64', () => {
    for (let at = 1; at < file.length; at++) expect(told(split(file, [at]))).toEqual(told(whole));
    for (let size = 1; size <= 64; size++) expect(told(split(file, every(size, file)))).toEqual(told(whole));
  });

  it(`finds what JSON.stringify wrote, for random records and cuts (seed ${SEED})`, () => {
    const records = fc.array(fc.jsonValue({ noUnicodeString: false, maxDepth: 4 }), { maxLength: 6 });
    fc.assert(
      fc.property(records, fc.infiniteStream(fc.integer({ min: 1, max: 30 })), (values, steps) => {
        const text = Buffer.from(JSON.stringify({ Records: values }, null, values.length % 3));
        const cuts: number[] = [];
        for (let at = steps.next().value as number; at < text.length; at += steps.next().value as number)
          cuts.push(at);
        const { records, fault } = split(text, cuts);
        expect(fault).toBeNull();
        expect(records.map(({ bytes }) => JSON.parse(bytes.toString('utf8')))).toEqual(
          JSON.parse(JSON.stringify(values)),
        );
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  it.each([
    ['', 'the file is empty', 0],
    [' \n ', 'the file holds no JSON object', 0],
    ['\ufeff', 'the file holds no JSON object', 0],
    ['hello', 'unexpected "h" at byte 0 of the JSON text', 0],
    ['[{}]', 'unexpected "[" at byte 0 of the JSON text', 0],
    ['{"a":1}', 'the JSON object has no list "Records"', 0],
    ['{"Records":{}}', '"Records" is not one list', 0],
    ['{"Records":null}', '"Records" is not one list', 0],
    ['{"Records":[{}],"Records":[{}]}', '"Records" is not one list', 1],
    ['{"Records":[{},{}', 'the JSON text ends too early, after 17 bytes', 2],
    ['{"Records":[{"a":"}]}', 'the JSON text ends too early, after 21 bytes', 0],
    ['{"Records":[{"a":1}', 'the JSON text ends too early, after 19 bytes', 1],
    ['{"Records":[{},{}]', 'the JSON text ends too early, after 18 bytes', 2],
    ['{"Records":[{}{}]}', 'unexpected "{" at byte 14 of the JSON text', 1],
    ['{"Records":[{},,{}]}', 'unexpected "," at byte 15 of the JSON text', 1],
    ['{"Records":[{},]}', 'unexpected "]" at byte 15 of the JSON text', 1],
    ['{"Records":[{}]} {"Records":[{}]}', 'unexpected "{" at byte 17 of the JSON text', 1],
    ['{"Records":[{}]\u0000}', 'unexpected byte 0x0 at byte 15 of the JSON text', 1],
    ['{x:1}', 'unexpected "x" at byte 1 of the JSON text', 0],
    ['{"\\x":1,"Records":[]}', 'a key that is not a JSON string, at byte 1', 0],
  ])(
    'says of %j what is wrong and where, after the records that were whole, wherever it is cut',
    (text, fault, count) => {
      const bytes = Buffer.from(text);
      const expected = told(split(bytes));
      expect(expected.fault).toBe(fault);
      expect(expected.records).toHaveLength(count);
      for (let at = 1; at < bytes.length; at++) expect(told(split(bytes, [at]))).toEqual(expected);
      expect(told(split(bytes, every(1, bytes)))).toEqual(expected);
    },
  );

  it('takes bytes of a byte order mark alone for what they are', () => {
    for (const bytes of [
      [0xef, 0x7b],
      [0xef, 0xbb, 0x7b],
      [0xbb, 0xbf, 0x7b],
    ]) {
      expect(split(Buffer.from([...bytes, ...Buffer.from('"Records":[]}')])).fault).toMatch(/^unexpected/);
    }
  });

  it('holds no more than 1 MiB of a record, says how long it was, and goes on with the next', () => {
    const long = `{"a":"${'x'.repeat(MAX_RECORD_BYTES)}"}`;
    const fits = `{"a":"${'y'.repeat(MAX_RECORD_BYTES - 8)}"}`;
    const text = Buffer.from(`{"Records":[${fits},${long},{"b":1}]}`);
    for (const cuts of [[], every(100_000, text), [12 + MAX_RECORD_BYTES, 13 + 2 * MAX_RECORD_BYTES]]) {
      const { records, fault } = split(text, cuts);
      expect(fault).toBeNull();
      expect(records.map(({ oversized }) => oversized)).toEqual([false, true, false]);
      expect(records.map(({ length }) => length)).toEqual([MAX_RECORD_BYTES, MAX_RECORD_BYTES + 8, 7]);
      expect(records.map(({ bytes }) => bytes.length)).toEqual([MAX_RECORD_BYTES, MAX_RECORD_BYTES, 7]);
      expect(records[2]?.bytes.toString()).toBe('{"b":1}');
    }
  });
});

interface Read {
  slices: Slice[];
  texts: string[];
  error: unknown;
}

/** Reads an object whose bytes come in chunks of this size. */
async function read(bytes: Buffer, chunk: number, listedSize = bytes.length): Promise<Read> {
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunk) }, (_, i) =>
    bytes.subarray(i * chunk, (i + 1) * chunk),
  );
  const batch = { object: { size: listedSize } } as Batch;
  const slices: Slice[] = [];
  let error: unknown = null;
  try {
    const reading = readSlices(batch, async () => Readable.from(chunks), new AbortController().signal);
    for await (const slice of reading) slices.push(slice);
  } catch (thrown) {
    error = thrown;
  }
  const texts = slices.flatMap(({ records }) => records.map(({ bytes }) => bytes.toString('utf8')));
  return { slices, texts, error };
}

describe('reading an object slice by slice', () => {
  const record = (n: number, filler = 40): string =>
    `{"eventID":"${n}","filler":"${String(n * 7919).repeat(filler)}"}`;
  const texts = Array.from({ length: 2_500 }, (_, n) => record(n));
  const file = (records: string[]): string => `{"Records":[${records.join(',')}]}`;
  const chunkSizes = [1_000, 16_384, 65_536, 10_000_000];

  it.each(['plain', 'gzip'])('cuts 1,000 records at a time, however the bytes come: %s', async (kind) => {
    const bytes = kind === 'gzip' ? gzipSync(file(texts)) : Buffer.from(file(texts));
    for (const chunk of chunkSizes) {
      const { slices, texts: found, error } = await read(bytes, chunk);
      expect(error).toBeNull();
      expect(slices.map(({ index, firstRecord, records }) => [index, firstRecord, records.length])).toEqual([
        [0, 0, 1_000],
        [1, 1_000, 1_000],
        [2, 2_000, 500],
      ]);
      expect(found.join() === texts.join()).toBe(true);
    }
  });

  it('cuts at 4 MiB of text where that comes first', async () => {
    const large = Array.from(
      { length: 13 },
      (_, n) => `{"n":${n},"s":"${'x'.repeat(MAX_RECORD_BYTES / 2)}"}`,
    );
    const { slices, error } = await read(gzipSync(file(large)), 65_536);
    expect(error).toBeNull();
    expect(slices.map(({ records }) => records.length)).toEqual([7, 6]);
    for (const { records } of slices)
      expect(records.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThanOrEqual(SLICE_BYTES);
  });

  it('reads all members of a gzip text, wherever they meet in the bytes that come', async () => {
    const text = file(texts.slice(0, 60));
    const half = text.length >> 1;
    const members = Buffer.concat([
      gzipSync(text.slice(0, half)),
      gzipSync(''),
      gzipSync(text.slice(half)),
      Buffer.alloc(64),
    ]);
    for (let chunk = 1; chunk <= 40; chunk++) {
      const { texts: found, error } = await read(members, chunk);
      expect(error).toBeNull();
      expect(found).toEqual(texts.slice(0, 60));
    }
  });

  it('gives every record before the cut of a truncated object, the same ones each time', async () => {
    const whole = gzipSync(file(texts));
    for (const cut of [whole.length - 4, whole.length - 9, whole.length >> 1, 20_000, 30]) {
      const bytes = whole.subarray(0, cut);
      const counts = new Set<number>();
      for (const chunk of chunkSizes) {
        const { texts: found, error } = await read(bytes, chunk);
        expect(error).toBeInstanceOf(Unreadable);
        expect((error as Error).message).toMatch(
          /^the gzip data is broken after \d+ bytes: unexpected end of file$/,
        );
        expect(found.join() === texts.slice(0, found.length).join()).toBe(true);
        counts.add(found.length);
      }
      expect(counts.size).toBe(1);
      if (cut >= whole.length - 9) expect(counts).toEqual(new Set([texts.length]));
    }
  });

  it('gives only slices that were whole before damage was met, which may come out as records that look right', async () => {
    const whole = gzipSync(file(texts));
    const late = Buffer.from(whole).fill(0x55, whole.length - 3_000, whole.length - 2_900);
    const checksum = Buffer.from(whole).fill(0x55, whole.length - 8, whole.length - 4);
    const early = gzipSync(file(texts.slice(0, 900))).fill(0x55, 2_000, 2_010);
    const askew = gzipSync(`${file(texts.slice(0, 900)).slice(0, -1)}]`);
    askew.fill(0x55, askew.length - 8, askew.length - 4);
    const otherMember = Buffer.concat([whole, Buffer.from('no gzip')]);
    for (const [bytes, slices] of [
      [late, 2],
      [checksum, 2],
      [early, 0],
      [askew, 0],
      [otherMember, 2],
    ] as const) {
      for (const chunk of [...chunkSizes, 7_777]) {
        const { texts: found, error } = await read(bytes, chunk);
        expect(error).toBeInstanceOf(Unreadable);
        expect((error as Error).message).toMatch(/^the gzip data is broken after \d+ bytes: /);
        expect(found.length).toBe(slices * 1_000);
        expect(found.every((text, n) => text === texts[n])).toBe(true);
      }
    }
  });

  it('leaves an object of which fewer bytes came than were listed to a later try', async () => {
    const whole = gzipSync(file(texts));
    const { error } = await read(whole.subarray(0, 20_000), 16_384, whole.length);
    expect(error).toBeInstanceOf(Retryable);
    expect((error as Error).message).toBe(`only 20000 of ${whole.length} bytes came`);
  });

  it('hands over the failure of the stream, and no slice that is not whole', async () => {
    async function* failing(): AsyncGenerator<Buffer> {
      yield gzipSync(file(texts)).subarray(0, 20_000);
      throw new Error('socket hang up');
    }
    const slices: Slice[] = [];
    const reading = readSlices(
      { object: { size: 20_000 } } as Batch,
      async () => Readable.from(failing()),
      new AbortController().signal,
    );
    await expect(async () => {
      for await (const slice of reading) slices.push(slice);
    }).rejects.toThrow('reading stopped after 20000 bytes: socket hang up');
    expect(slices.every(({ records }) => records.length === 1_000)).toBe(true);
  });
});
