import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import type { Enrichment, StoredEvent } from '../src/domain/event';
import { canonicalText, eventIdentity } from '../src/domain/records/identity';
import { MAX_DEPTH, type ParsedRecord, parseEventTime, readRecord } from '../src/domain/records/record';
import { type RawRecord, RecordSplitter } from '../src/domain/records/splitter';
import { rawRecord, rawText, toStoredEvent } from '../src/domain/records/stored-event';
import { connectStore, type StoreConnection } from '../src/store/connection';
import { EventStore } from '../src/store/events';
import { ensureIndexes } from '../src/store/indexes';

/** A failing random test prints its seed: give it here to see it again. */
const SEED = Number(process.env.TEST_SEED ?? Date.now() % 0x7fffffff);
const random = { seed: SEED, endOnFailure: true };

/** The record of a text as it comes out of a file. */
function rawOf(text: string): RawRecord {
  const splitter = new RecordSplitter();
  const records = splitter.push(Buffer.from(`{"Records":[${text}]}`));
  splitter.end();
  expect(records).toHaveLength(1);
  return records[0]!;
}

function parse(text: string): ParsedRecord {
  const result = readRecord(rawOf(text));
  if ('rejected' in result) throw new Error(result.rejected.reason);
  return result.ok;
}

describe("an event's identity", () => {
  const identity = (text: string): string => eventIdentity(JSON.parse(text), text);
  const UUID = 'FAB72310-2CF5-4D5C-9A56-C0FFEE0DDF00';

  it('is its eventID in lower case where that is a UUID, whatever else the record says', () => {
    expect(identity(`{"eventID":"${UUID}","a":1}`)).toBe(UUID.toLowerCase());
    expect(identity(`{"b":2,"eventID":"${UUID.toLowerCase()}"}`)).toBe(UUID.toLowerCase());
  });

  it.each([
    ['no eventID', '{"a":1}'],
    ['one that is no UUID', '{"eventID":"1"}'],
    ['one with something around it', `{"eventID":"{${UUID}}"}`],
    ['one that is not text', '{"eventID":7}'],
  ])('is a SHA-256 where there is %s', (_, text) => {
    expect(identity(text)).toMatch(/^[0-9a-f]{64}$/);
  });

  const long = 'x'.repeat(1_000);
  it.each([
    ['the order of keys', '{"a":1,"b":{"c":2,"d":3}}', '{ "b" : {"d":3,"c":2} , "a" : 1 }'],
    ['white space', '{"a":[1,{"b":2}]}', '\t{\n"a" : [ 1 , { "b" : 2 } ] }'],
    ['the spelling of a number', '{"a":[1,1.0,10e-1,0.1E+1,100]}', '{"a":[1.00,1,1,1,1e2]}'],
    ['the spelling of a large number', '{"a":9007199254740993}', '{"a":9007199254740993.0e0}'],
    ['the spelling of zero', '{"a":[0,0.0,0e5]}', '{"a":[0,0,0]}'],
    ['the spelling of a string', '{"a":"A/é😀"}', '{"\\u0061":"\\u0041\\/\\u00e9\\ud83d\\ude00"}'],
    ['any of it in long parts', `{"a":{"b":"${long}","c":1}}`, `{"a":{"c":1.0,"b":"${long}"}}`],
  ])('does not depend on %s', (_, one, other) => {
    expect(identity(one)).toBe(identity(other));
  });

  it.each([
    ['the sign of zero', '{"a":0}', '{"a":-0}'],
    ['integers that are one double', '{"a":9007199254740993}', '{"a":9007199254740992}'],
    ['numbers beyond a double', '{"a":1e400}', '{"a":1e401}'],
    ['fractions that are one double', '{"a":0.1}', '{"a":0.10000000000000000001}'],
    ['a number and its text', '{"a":1}', '{"a":"1"}'],
    ['null and nothing', '{"a":null}', '{}'],
    ['the order of a list', '{"a":[1,2]}', '{"a":[2,1]}'],
    ['where a key stands', '{"a":{"b":1},"c":2}', '{"a":{"b":1,"c":2}}'],
    ['a key that comes twice', '{"a":1,"a":1}', '{"a":1}'],
    ['which of two comes last', '{"a":1,"a":2}', '{"a":2,"a":1}'],
    ['an empty object and an empty list', '{"a":{}}', '{"a":[]}'],
    ['the end of a long text', `{"a":"${long}1"}`, `{"a":"${long}2"}`],
    [
      'a long text and what stands for it',
      `{"a":"${long}"}`,
      JSON.stringify({ a: canonicalText(`"${long}"`) }),
    ],
    ['the depth of nesting', nested(100_000), nested(100_001)],
  ])('tells apart %s', (_, one, other) => {
    expect(identity(one)).not.toBe(identity(other));
  });
});

function nested(levels: number, inside = '1'): string {
  return `{"eventTime":"2026-01-02T03:04:05Z","a":${'['.repeat(levels - 1)}${inside}${']'.repeat(levels - 1)}}`;
}

describe('the time of a record', () => {
  it.each([
    ['2026-01-02T03:04:05Z', '2026-01-02T03:04:05.000Z'],
    ['2026-01-02T03:04:05.678901234Z', '2026-01-02T03:04:05.678Z'],
    ['20260102T030405Z', '2026-01-02T03:04:05.000Z'],
    ['2026-01-02 03:04:05', '2026-01-02T03:04:05.000Z'],
    ['2026-01-02T03:04:05+0130', '2026-01-02T01:34:05.000Z'],
    ['2026-01-02T03:04:05-01:30', '2026-01-02T04:34:05.000Z'],
  ])('is read from %s', (text, time) => {
    expect(parseEventTime(text)?.toISOString()).toBe(time);
  });

  it.each(['', 'yesterday', '2026-13-02T03:04:05Z', '2026-01-02T03:04:60Z', '2026-01-02', 1767323045, null])(
    'is not read from %p',
    (value) => {
      expect(parseEventTime(value)).toBeNull();
    },
  );
});

describe('a record on its way through the store', () => {
  const base = '"eventTime":"2026-01-02T03:04:05Z"';
  let store: StoreConnection;
  let events: EventStore;
  beforeAll(async () => {
    const database = `test-${randomBytes(6).toString('hex')}`;
    store = await connectStore(process.env.TEST_MONGODB_URI!.replace('/trailgraph?', `/${database}?`));
    await ensureIndexes(store.db, { eventsDays: 90 });
    events = new EventStore(store.db);
  });
  afterAll(() => store?.close());

  let inserted = 0;
  /** What the store gives back of these records, in their order; each counts as another event. */
  async function roundTrip(texts: string[]): Promise<StoredEvent[]> {
    const origin = { run: 'run', sourceId: 'src', ingestedAt: new Date() };
    const documents = texts.map((text) => {
      const n = inserted++;
      return toStoredEvent(
        { ...parse(text), id: `event ${n}` },
        { enrichment: {} as Enrichment, address: null },
        { ...origin, pos: n },
      );
    });
    expect((await events.insert(documents)).size).toBe(0);
    return events.byIds(documents.map(({ _id }) => _id));
  }

  const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

  it.each([
    ['numbers that a double holds', '"n":[0,1,-1,1.5,2147483648,9007199254740992,1e3,1.0,123456789012345.0]'],
    [
      'keys with dots, dollars, stars, white space and nothing',
      '"a.b":1,"$x":{"$set":1,"a.$":2},"":{"":[{"":0}]}," *":1',
    ],
    ['keys that look like ours', '"_id":1,"run":2,"pos":3,"extra":{"run":4},"exact":5,"enrichment":6'],
    [
      'keys of JavaScript',
      '"constructor":1,"toString":{"toJSON":2},"length":3,"then":4,"toBSON":5,"hasOwnProperty":6',
    ],
    ['strings of every kind', '"s":["","é€😀","\\u0001\\t\\"\\\\","{\\"a\\":1}",":12345678901234567890"]'],
    ['null, lists and empty things everywhere', '"requestParameters":null,"resources":[[],{},[null]],"x":{}'],
    ['nesting of 100', `"d":${'['.repeat(99)}${']'.repeat(99)}`],
    ['an integer-like key', '"b":1,"0":2,"10":{"2":1,"1":2}'],
  ])('comes back as it was: %s', async (_, members) => {
    const text = `{${base},${members}}`;
    const [event] = await roundTrip([text]);
    expect(event?.exact).toBeUndefined();
    expect(plain(rawRecord(event!))).toEqual(JSON.parse(text));
    expect(JSON.parse(rawText(event!))).toEqual(JSON.parse(text));
  });

  it.each([
    ['an integer over 2^53', '"n":9007199254740993'],
    ['a fraction of more digits than a double has', '"n":0.12345678901234567890'],
    ['a number beyond a double', '"n":1e400'],
    ['a number too small for a double', '"n":[ 1e-400 ]'],
    ['the negative zero', '"n":-0'],
    ['the negative zero with a fraction', '"n":-0.00'],
    ['a key that comes twice', '"a":1,"a":2'],
    ['a key that comes twice, deep inside', '"a":[{"b":{"c":1,"c":{"d":2}}}]'],
    ['NUL in a key', '"a\\u0000b":1'],
    ['a lone surrogate in a key', '"a\\ud800":1'],
    ['a lone surrogate in a string', '"a":"\\udfff"'],
    ['a key of BSON', '"a":{"_bsontype":"ObjectId","id":1}'],
    ['a reference of BSON', '"a":{"$ref":"users","$id":1,"$db":"admin"}'],
    ['__proto__', '"__proto__":{"eventName":"forged"},"a":[{"__proto__":null}]'],
    ['nesting of 101', `"d":${'['.repeat(100)}${']'.repeat(100)}`],
    ['nesting of 10,000', `"d":${'{"k":'.repeat(9_999)}1${'}'.repeat(9_999)}`],
    ['nesting of 250,000', `"d":${'['.repeat(250_000)}${']'.repeat(250_000)}`],
  ])('keeps its exact text beside, with %s', async (_, members) => {
    const text = `{${base},${members}}`;
    const [event] = await roundTrip([text]);
    expect(rawText(event!)).toBe(text);
    expect(event?.eventName).toBeUndefined();
    const raw = JSON.stringify(rawRecord(event!));
    if (rawOf(text).depth <= MAX_DEPTH) expect(raw).toBe(JSON.stringify(JSON.parse(text)));
    else expect(raw).toContain('(nested too deep: see rawText)');
  });

  it('fits into a document where its text takes most room there: half a million numbers', async () => {
    const text = `{${base},"d":[${'1,'.repeat(524_000)}1]}`;
    const [event] = await roundTrip([text]);
    expect(rawText(event!) === text).toBe(true);
  });

  it(`comes back equal or with its exact text, whatever it holds (seed ${SEED})`, async () => {
    const key = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 4 }),
      fc.constantFrom(
        '$ref',
        '$id',
        '$db',
        '$x',
        'a.b',
        '',
        '_bsontype',
        '__proto__',
        '_id',
        'extra',
        'resources',
        'ARN',
        'errorCode',
        'userIdentity',
        'accessKeyId',
        'toJSON',
        '0',
      ),
    );
    const number = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer(),
      fc.maxSafeInteger(),
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom(null, true, false),
        number,
        fc.string({ unit: 'binary', maxLength: 6 }),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
      ),
    }));
    const members = fc.array(fc.tuple(key, value), { maxLength: 5 });
    const texts = fc.sample(members, { ...random, numRuns: 1_500 }).map((entries) => {
      const pairs = entries.filter(([name]) => name !== 'eventTime');
      return `{${[base, ...pairs.map(([name, inside]) => `${JSON.stringify(name)}:${JSON.stringify(inside)}`)].join(',')}}`;
    });
    const back = await roundTrip(texts);
    for (const [i, event] of back.entries()) {
      const text = texts[i]!;
      if (event.exact === undefined) {
        expect({ seed: SEED, raw: plain(rawRecord(event)) }).toEqual({ seed: SEED, raw: JSON.parse(text) });
        expect(JSON.parse(rawText(event))).toEqual(JSON.parse(text));
      } else expect(rawText(event)).toBe(text);
    }
    expect(back.filter((event) => event.exact === undefined).length).toBeGreaterThan(300);
  });
});
