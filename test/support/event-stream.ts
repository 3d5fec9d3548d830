import { setTimeout as delay } from 'node:timers/promises';
import { demoRecords, idsOf, type PushSource } from './ledger';

/** How long a sender waits for an answer; the door promises one within 4 s. */
const ANSWER_MS = 20_000;
/** Senders wait longer each time: else all that was not stored in time would come again at once, and nothing ever be. */
const AGAIN = { firstMs: 250, mostMs: 8_000 };

/** Bodies that wait at a time: a machine that stores fewer than are sent is asked for fewer. */
const MOST_WAITING = 5;

export interface PushAnswer {
  /** 0: no answer came, the connection broke or was refused. */
  status: number;
  ms: number;
  retryAfter: string | null;
}

/** Pushes one body. Never throws: no answer is an answer of status 0. */
export async function pushOnce(url: string, source: PushSource, records: unknown[]): Promise<PushAnswer> {
  const started = performance.now();
  const answer = (status: number, retryAfter: string | null = null): PushAnswer => ({
    status,
    ms: Math.round(performance.now() - started),
    retryAfter,
  });
  try {
    const response = await fetch(`${url}/ingest/${source.id}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${source.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ Records: records }),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    await response.arrayBuffer();
    return answer(response.status, response.headers.get('retry-after'));
  } catch {
    return answer(0);
  }
}

export interface StreamOptions {
  /** Where to push to just now; one of several instances, or another one after a restart. */
  url: () => string;
  source: PushSource;
  seed: number;
  bodiesPerSecond: number;
  recordsPerBody: number;
}

/** Senders that push new bodies at an even rate, as far as they are taken, each again and again until the door says that it is stored. */
export class EventStream {
  /** Of everything that was begun to be sent, in order. */
  readonly ids: string[] = [];
  readonly answers: PushAnswer[] = [];
  /** Bodies that are not acknowledged yet, and since when. */
  private readonly sending = new Map<Promise<void>, number>();
  private next = 0;
  private timer: NodeJS.Timeout;
  private stopped = false;
  private stored = 0;

  constructor(private readonly options: StreamOptions) {
    this.timer = setInterval(() => this.send(), 1_000 / options.bodiesPerSecond);
  }

  /** Events that the door said are stored. */
  get acknowledged(): number {
    return this.stored;
  }

  /** For how long the body that has waited longest was not acknowledged. */
  get oldestMs(): number {
    const [since = performance.now()] = this.sending.values();
    return performance.now() - since;
  }

  /** Sends nothing new, and waits until all is acknowledged. @throws where that takes longer */
  async stop(withinMs: number): Promise<void> {
    clearInterval(this.timer);
    const late = delay(withinMs, 'late', { ref: false });
    if ((await Promise.race([Promise.all(this.sending.keys()), late])) === 'late') {
      this.stopped = true;
      throw new Error(`${this.sending.size} bodies were not taken within ${withinMs} ms`);
    }
  }

  /** For the end of a test that failed. */
  abandon(): void {
    clearInterval(this.timer);
    this.stopped = true;
  }

  private send(): void {
    if (this.sending.size >= MOST_WAITING) return;
    const { source, seed, recordsPerBody } = this.options;
    const records = demoRecords(seed, this.next, recordsPerBody);
    this.next += recordsPerBody;
    this.ids.push(...idsOf(records));
    const work = this.untilStored(source, records).finally(() => this.sending.delete(work));
    this.sending.set(work, performance.now());
  }

  private async untilStored(source: PushSource, records: unknown[]): Promise<void> {
    for (let waitMs = AGAIN.firstMs; !this.stopped; waitMs = Math.min(2 * waitMs, AGAIN.mostMs)) {
      const answer = await pushOnce(this.options.url(), source, records);
      this.answers.push(answer);
      if (answer.status === 200) {
        this.stored += records.length;
        return;
      }
      await delay(waitMs);
    }
  }
}

/** Wall clock until a new body is stored, in ms, trying as a sender does. @throws beyond `withinMs` */
export async function storedAgainAfter(
  url: () => string,
  source: PushSource,
  seed: number,
  withinMs: number,
): Promise<{ ms: number; ids: string[] }> {
  const records = demoRecords(seed, 0, 1);
  const started = performance.now();
  for (;;) {
    const { status } = await pushOnce(url(), source, records);
    const ms = Math.round(performance.now() - started);
    if (status === 200) return { ms, ids: idsOf(records) };
    if (ms > withinMs)
      throw new Error(`nothing was stored within ${withinMs} ms: the last answer was ${status}`);
    await delay(50);
  }
}
