import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { Binary, type Db, MongoClient } from 'mongodb';
import { parseAddress } from '../src/domain/address';
import type { StoredEvent } from '../src/domain/event';
import type { EventFilter } from '../src/domain/filter';
import { matcher } from '../src/domain/matcher';
import { EventStore } from '../src/store/events';

const SEED = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
const FILTERS = 400;
const EVENTS = 400;

/** Few values, so that filters meet them; some that a careless evaluator would read as a pattern or another type. */
const TEXTS = [
  'AssumeRole',
  'assumerole',
  'AssumeRoleWithSAML',
  'Delete*',
  'a.b(c)[d]^$|?+\\',
  '$where',
  '.*',
  '',
  ' ',
  '*',
  'true',
  '7',
  'ÄÖÜ straße',
  'arn:aws:iam::123456789012:user/Alice',
  'arn:aws:s3:::bucket/key with/slashes',
  'line\nbreak',
];
const ADDRESSES = [
  '203.0.113.7',
  '203.0.113.200',
  '10.0.0.1',
  '2001:db8::1',
  '::ffff:203.0.113.7',
  'AWS Internal',
  'ec2.amazonaws.com',
  '',
];
const RANGES = [
  '203.0.113.0/24',
  '203.0.113.7/32',
  '0.0.0.0/0',
  '::/0',
  '2001:db8::/32',
  '203.0.113.0/33',
  '/',
];
const TIMES = [0, 1, 999, 1_000, 60_000].map((ms) => new Date(1_700_000_000_000 + ms));

const text = fc.constantFrom(...TEXTS);
const sought = fc.oneof(
  text,
  text.map((value) => `${value.slice(0, 6)}*`),
);
/** What may stand under a name of a record: any shape. */
const shape: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: text },
  fc.constant(null),
  fc.constant(7),
  fc.constant(true),
  fc.array(fc.oneof(text, fc.constant(null), fc.array(text, { maxLength: 2 })), { maxLength: 3 }),
  fc.record({ ARN: text, '0': text }, { requiredKeys: [] }),
);
const arn = fc.record({ ARN: shape }, { requiredKeys: [] });
const resources = fc.oneof(
  fc.array(fc.oneof(arn, text, fc.constant(null), fc.array(arn, { maxLength: 2 })), { maxLength: 3 }),
  arn,
  shape,
);

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 4 });
const defined = (value: object) =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined));

const event = (id: string): fc.Arbitrary<StoredEvent> =>
  fc
    .record({
      eventTime: fc.constantFrom(...TIMES),
      eventName: optional(shape),
      eventSource: optional(shape),
      awsRegion: optional(shape),
      recipientAccountId: optional(shape),
      sourceIPAddress: optional(fc.oneof(fc.constantFrom(...ADDRESSES), shape)),
      errorCode: optional(shape),
      errorMessage: optional(shape),
      readOnly: optional(fc.oneof(fc.boolean(), fc.constantFrom('true', 'false', 'True'), shape)),
      userIdentity: optional(
        fc.oneof(
          fc.record({ arn: shape, userName: shape, accessKeyId: shape }, { requiredKeys: [] }),
          fc.array(fc.record({ accessKeyId: shape }), { maxLength: 2 }),
          shape,
        ),
      ),
      resources: optional(resources),
      sourceId: fc.constantFrom('src_a', 'src_b'),
      kind: fc.constantFrom('PUBLIC', 'PRIVATE', 'AWS_INTERNAL', 'UNKNOWN'),
      geo: fc.option(fc.constantFrom('DE', 'US')),
      asn: fc.option(fc.constantFrom(7, 64_500)),
      actor: fc.record({ name: text, kind: text, arn: fc.option(text), root: fc.boolean() }),
      outcome: fc.constantFrom('SUCCESS', 'FAILURE'),
    })
    .map(({ kind, geo, asn, actor, outcome, ...fields }) => {
      const parsed = typeof fields.sourceIPAddress === 'string' ? parseAddress(fields.sourceIPAddress) : null;
      return {
        _id: id,
        ...defined(fields),
        enrichment: {
          addressKind: kind,
          geo: geo === null ? null : { countryCode: geo },
          network: asn === null ? null : { asn },
          actor,
          outcome,
        },
        ...(parsed ? { address: parsed } : {}),
        run: 'run',
        pos: 0,
        ingestedAt: TIMES[0]!,
      } as unknown as StoredEvent;
    });

const list = <T>(of: fc.Arbitrary<T>) =>
  optional(fc.oneof(fc.constant(null), fc.array(of, { maxLength: 3 })));
const MEMBERS = {
  from: optional(fc.option(fc.constantFrom(...TIMES))),
  to: optional(fc.option(fc.constantFrom(...TIMES))),
  text: optional(
    fc.oneof(
      text,
      text.map((value) => value.slice(1, 4).toUpperCase()),
      fc.constant(null),
    ),
  ),
  sourceIds: list(fc.constantFrom('src_a', 'src_*', 'src_')),
  ids: list(fc.constantFrom('event-1', 'event-1*', 'event-2', 'EVENT-1')),
  eventNames: list(sought),
  eventSources: list(sought),
  awsRegions: list(sought),
  accountIds: list(sought),
  actors: list(sought),
  identityTypes: list(sought),
  accessKeyIds: list(sought),
  addresses: list(fc.oneof(fc.constantFrom(...ADDRESSES, ...RANGES), sought)),
  addressKinds: list(fc.constantFrom('PUBLIC', 'UNKNOWN')),
  countryCodes: list(fc.constantFrom('DE', 'U*')),
  asns: list(fc.constantFrom(7, 64_500)),
  errorCodes: list(sought),
  outcome: optional(fc.option(fc.constantFrom('SUCCESS', 'FAILURE'))),
  readOnly: optional(fc.option(fc.boolean())),
  root: optional(fc.option(fc.boolean())),
  resourceARNs: list(sought),
};

/** A few members at a time: with all of them nothing would ever match. */
const flat = fc
  .subarray(Object.keys(MEMBERS) as (keyof typeof MEMBERS)[], { minLength: 0, maxLength: 2 })
  .chain((names) => fc.record(Object.fromEntries(names.map((name) => [name, MEMBERS[name]]))))
  .map(defined) as fc.Arbitrary<EventFilter>;
const { filter } = fc.letrec<{ filter: EventFilter }>((tie) => ({
  filter: fc.oneof(
    { weight: 3, arbitrary: flat },
    {
      weight: 1,
      arbitrary: fc
        .tuple(
          flat,
          fc.record(
            {
              all: fc.array(tie('filter'), { maxLength: 2 }),
              any: fc.array(tie('filter'), { maxLength: 2 }),
              none: fc.array(tie('filter'), { maxLength: 2 }),
            },
            { requiredKeys: [] },
          ),
        )
        .map(([members, nested]) => ({ ...members, ...nested })) as fc.Arbitrary<EventFilter>,
    },
  ),
}));

describe(`a filter (seed ${SEED})`, () => {
  let client: MongoClient;
  let db: Db;
  let store: EventStore;
  const events: StoredEvent[] = [];

  beforeAll(async () => {
    client = await MongoClient.connect(process.env.TEST_MONGODB_URI!);
    db = client.db(`test-${randomBytes(6).toString('hex')}`);
    store = new EventStore(db);
    events.push(
      ...Array.from(
        { length: EVENTS },
        (_, index) => fc.sample(event(`event-${index}`), { seed: SEED + index, numRuns: 1 })[0]!,
      ),
    );
    await store.insert(
      events.map((one) => ({
        ...one,
        ...(one.address ? { address: new Binary(one.address) as unknown as Uint8Array } : {}),
      })),
    );
  });
  afterAll(async () => {
    await db?.dropDatabase();
    await client?.close();
  });

  test('means the same to the database as to those who have the event in hand', async () => {
    let matched = 0;
    await fc.assert(
      fc.asyncProperty(filter, async (one) => {
        const matches = matcher(one);
        const inHand = events.filter((event) => matches(event)).map(({ _id }) => _id);
        const page = await store.page(one, { field: 'eventTime', descending: true }, { limit: EVENTS });
        expect(page.items.map(({ item }) => item._id).sort()).toEqual(inHand.sort());
        expect(await store.count(one, EVENTS)).toBe(inHand.length);
        if (inHand.length > 0 && inHand.length < EVENTS) matched++;
      }),
      { seed: SEED, numRuns: FILTERS },
    );
    // Not all of them let everything or nothing through.
    expect(matched).toBeGreaterThan(FILTERS / 5);
  });

  test('finds in the store what it finds in what comes back from there', async () => {
    const back = await store.byIds(events.map(({ _id }) => _id));
    for (const one of fc.sample(filter, { seed: SEED, numRuns: 50 })) {
      const matches = matcher(one);
      const sent = events.filter((event) => matches(event)).map(({ _id }) => _id);
      expect(back.filter((event) => matches(event)).map(({ _id }) => _id)).toEqual(sent);
    }
  });
});
