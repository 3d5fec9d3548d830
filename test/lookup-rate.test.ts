import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { connectValkey } from '../src/valkey/connect';
import type { Urgency } from '../src/valkey/local-buckets';
import { TokenBucket } from '../src/valkey/token-bucket';
import { eventually } from './support/eventually';
import { OwnValkey } from './support/own-valkey';

/** Fast enough that a test takes a second. */
const PER_SECOND = 20;

const stop = new AbortController();
let valkey: OwnValkey;
const clients: Redis[] = [];
beforeAll(async () => {
  valkey = await OwnValkey.prepare();
  await valkey.start();
});
afterAll(async () => {
  stop.abort();
  for (const client of clients) client.disconnect();
  await valkey?.close();
});

/** That of a process of its own. */
async function bucket(perSecond = PER_SECOND, url = valkey.url): Promise<TokenBucket> {
  const client = connectValkey({ url, sentinel: null, tls: null }, 'rate');
  clients.push(client);
  if (url === valkey.url) await eventually(async () => (await client.ping()) === 'PONG', 'Valkey answers');
  return new TokenBucket({ valkey: client, prefix: 'test', perSecond });
}

/** Takes one token after the other, and notes when and for whom. */
async function taking(
  of: TokenBucket,
  key: string,
  urgency: Urgency,
  taken: [number, Urgency][],
  forMs: number,
) {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), forMs);
  try {
    for (;;) {
      await of.take(key, urgency, over.signal);
      taken.push([Date.now(), urgency]);
    }
  } catch {
    if (!over.signal.aborted) throw new Error('the bucket failed');
  } finally {
    clearTimeout(timer);
  }
}

/** The most that a window of so many ms holds. */
function most(taken: [number, Urgency][], windowMs: number): number {
  const times = taken.map(([time]) => time).sort((a, b) => a - b);
  return Math.max(
    ...times.map((from) => times.filter((time) => time >= from && time < from + windowMs).length),
  );
}

describe('the rate of requests', () => {
  test('is held across processes, each key by itself', async () => {
    const [first, second] = [await bucket(), await bucket()];
    const [a, b]: [number, Urgency][][] = [[], []];
    await Promise.all([
      ...[first, second, first].map((of) => taking(of, 'a', 'live', a!, 2_000)),
      taking(second, 'b', 'live', b!, 2_000),
    ]);
    // One at once and 20 a second; a busy machine may take some late, and then they come closer together.
    expect(a!.length).toBeLessThanOrEqual(1 + 2 * PER_SECOND);
    expect(a!.length).toBeGreaterThan(PER_SECOND);
    expect(b!.length).toBeGreaterThan(PER_SECOND);
    expect(most(a!, 1_000)).toBeLessThanOrEqual(PER_SECOND + 4);
  });

  test('goes to live requests first: spare ones get a quarter meanwhile, and all of it after', async () => {
    const [first, second] = [await bucket(), await bucket()];
    const taken: [number, Urgency][] = [];
    await Promise.all([
      taking(first, 'c', 'live', taken, 2_000),
      taking(first, 'c', 'live', taken, 2_000),
      taking(second, 'c', 'spare', taken, 2_000),
      taking(second, 'c', 'spare', taken, 2_000),
    ]);
    const spare = taken.filter(([, urgency]) => urgency === 'spare').length;
    expect(spare).toBeGreaterThan(2);
    expect(spare).toBeLessThanOrEqual(1 + taken.length * 0.3);
    const alone: [number, Urgency][] = [];
    await taking(second, 'd', 'spare', alone, 1_000);
    expect(alone.length).toBeGreaterThan(PER_SECOND * 0.7);
  });

  test('is held back for all while AWS throttles', async () => {
    const [first, second] = [await bucket(), await bucket()];
    await first.hold('e', 700);
    const from = Date.now();
    await Promise.all([first, second].map((of) => of.take('e', 'live', stop.signal)));
    expect(Date.now() - from).toBeGreaterThanOrEqual(690);
  });

  test('goes on after Valkey has lost its scripts', async () => {
    const one = await bucket();
    await one.take('f', 'live', stop.signal);
    await valkey.client().script('FLUSH');
    const taken: [number, Urgency][] = [];
    await taking(one, 'f', 'live', taken, 1_000);
    expect(taken.length).toBeGreaterThan(PER_SECOND * 0.7);
    expect(taken.length).toBeLessThanOrEqual(1 + PER_SECOND);
  });

  test('is half of it in a process that has no Valkey', async () => {
    const alone = await bucket(PER_SECOND, 'redis://127.0.0.1:1/0');
    const taken: [number, Urgency][] = [];
    await taking(alone, 'g', 'live', taken, 2_000);
    expect(taken.length).toBeLessThanOrEqual(1 + PER_SECOND);
    expect(taken.length).toBeGreaterThan(PER_SECOND * 0.6);
  });

  test('is given up on with the signal', async () => {
    const one = await bucket(0.01);
    await one.take('h', 'live', stop.signal);
    const giveUp = new AbortController();
    const waiting = one.take('h', 'live', giveUp.signal);
    await delay(50);
    giveUp.abort(new Error('given up'));
    await expect(waiting).rejects.toThrow();
  });
});
