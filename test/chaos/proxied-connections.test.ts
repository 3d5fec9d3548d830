import { setTimeout as delay } from 'node:timers/promises';
import { ChaosBench, LONG, measured, SEED } from '../support/chaos-bench';
import { pushOnce, storedAgainAfter } from '../support/event-stream';
import { demoRecords } from '../support/ledger';
import { type S3Server, startS3Server } from '../support/s3-server';
import { Toxiproxy, type Way } from '../support/toxiproxy';
import { TrailBucket } from '../support/trail-bucket';

const FOR_MS = LONG ? 30_000 : 3_000;
/** Requirements B3, and what a busy machine may take of it. */
const REFUSED_WITHIN_MS = 2_000;
const RESUMED_WITHIN_MS = 10_000;
const SLACK = 3;

const PLACES = ['mongodb', 'valkey', 's3', 'receiver'] as const;
type Place = (typeof PLACES)[number];

/** What befalls the connections to a place. */
const FAULTS = {
  'answers 300 ms later': (way) => way.poison({ type: 'latency', attributes: { latency: 300, jitter: 50 } }),
  'passes 100 KB a second': (way) => way.poison({ type: 'bandwidth', attributes: { rate: 100 } }),
  'is half-open: what is sent vanishes': (way) => way.poison({ type: 'timeout', attributes: { timeout: 0 } }),
  'resets every connection': (way) => way.poison({ type: 'reset_peer', attributes: { timeout: 0 } }),
  'takes no connection': (way) => way.cut(),
} satisfies Record<string, (way: Way) => Promise<void>>;
type Fault = keyof typeof FAULTS;
const AWAY: Fault[] = [
  'is half-open: what is sent vanishes',
  'resets every connection',
  'takes no connection',
];

const CASES = PLACES.flatMap((place) =>
  (Object.keys(FAULTS) as Fault[]).map((fault) => [place, fault] as const),
);

describe(`connections through toxiproxy, which Go builds (seed ${SEED})`, () => {
  let toxiproxy: Toxiproxy;
  let s3: S3Server;
  let bench: ChaosBench;
  let bucket: TrailBucket;
  const ways = new Map<Place, Way>();
  let extra = SEED;

  beforeAll(async () => {
    [toxiproxy, s3] = await Promise.all([Toxiproxy.start(), startS3Server()]);
    const direct = { mongodbUri: process.env.TEST_MONGODB_URI!, redisUrl: process.env.TEST_REDIS_URL! };
    const through = async (place: Place, uri: string): Promise<string> => {
      const { host } = new URL(uri);
      const way = await toxiproxy.way(place, host);
      ways.set(place, way);
      return uri.replace(host, `127.0.0.1:${way.port}`);
    };
    bench = await ChaosBench.open({
      direct,
      servers: {
        mongodbUri: await through('mongodb', direct.mongodbUri),
        redisUrl: await through('valkey', direct.redisUrl),
      },
      receiverUrl: (port) => through('receiver', `http://127.0.0.1:${port}/hook`),
      webhook: { timeoutMs: 3_000 },
    });
    const endpointUrl = await through('s3', s3.endpoint);
    bucket = await TrailBucket.open(bench.admin, s3, { endpointUrl, seed: SEED + 1_000_000 });
    bench.cluster.worker();
    await bench.startStream();
    await bench.flows(200);
  }, 600_000);
  afterAll(async () => {
    await bench?.close();
    await toxiproxy?.close();
    await s3?.close();
  });

  /** Asks both doors while the database is away: each says so in time, and when to come again. */
  async function expectRefusals(fault: string): Promise<void> {
    // One that is stored already: what is refused is nobody's but the sender's.
    const records = demoRecords(SEED, 0, 1);
    const asked = performance.now();
    const [pushed, answered] = await Promise.all([
      pushOnce(bench.url(), bench.source, records),
      bench.admin
        .raw('{ events(first: 1) { nodes { id } } }')
        .then(({ errors }) => ({ errors, ms: Math.round(performance.now() - asked) })),
    ]);
    measured(`mongodb ${fault}: refused after`, `push ${pushed.ms} ms, GraphQL ${answered.ms} ms`);
    expect(pushed.status).toBe(503);
    expect(Number(pushed.retryAfter)).toBeGreaterThan(0);
    expect(answered.errors?.map(({ extensions }) => extensions.code)).toEqual(['UNAVAILABLE']);
    for (const { ms } of [pushed, answered]) expect(ms).toBeLessThan(REFUSED_WITHIN_MS * SLACK);
  }

  test.each(CASES)('%s %s, and is well again: events are stored soon', async (place, fault) => {
    const way = ways.get(place)!;
    await FAULTS[fault](way);
    try {
      bench.otherIds.push(...(await bucket.deliver(7)));
      const away = place === 'mongodb' && AWAY.includes(fault);
      // Those under way as the connections go silent wait for the heartbeat that decides.
      await delay(away ? 2 * REFUSED_WITHIN_MS + FOR_MS : FOR_MS);
      if (away) await expectRefusals(fault);
      // Whatever else is away, senders are served.
      if (place !== 'mongodb') await bench.flows(20);
    } finally {
      await way.mend();
    }
    const { ms, ids } = await storedAgainAfter(bench.url, bench.source, ++extra, 6 * RESUMED_WITHIN_MS);
    bench.otherIds.push(...ids);
    measured(`${place} ${fault}: stored again after`, `${ms} ms`);
    expect(ms).toBeLessThan(RESUMED_WITHIN_MS * SLACK);
    await bench.flows(20);
  });

  test('after all of it every event is stored once, and the webhook has heard of each', async () => {
    await bench.expectNothingLost();
  });
});
