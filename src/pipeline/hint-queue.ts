import BeeQueue from 'bee-queue';
import { messageOf } from '../domain/errors';
import type { Logger } from '../observe/logger';

/** A hint: "look now at this". Nothing depends on it, since MongoDB holds what is to be done. */
export interface Hint {
  id: string;
}

export interface HintQueueOptions {
  name: string;
  /** Namespace of the keys. */
  prefix: string;
  address: { host: string; port: number; username?: string; password?: string; db: number; tls: boolean };
  /** Where hints are taken: absent in a process that only gives them. */
  worker?: { concurrency: number; handle: (id: string) => Promise<void> };
  onLost: (count: number) => void;
  log: Logger;
}

/** What we use of Bee-Queue beyond its types. */
interface Internals {
  client: { ping(done: (error: Error | null) => void): void; on(event: 'ready', listener: () => void): void };
}

const READY_MS = 3_000;
const ANSWER_MS = 1_500;
const CHECK_EVERY_MS = 10_000;
const REBUILD_EVERY_MS = 1_000;
const STALL_MS = 30_000;

/**
 * One queue of hints. Bee-Queue gives up on a server that was away (its scripts are gone after a restart, a half-open
 * socket hangs), so it is asked for a sign of life every 10 s and built anew where it gives none.
 */
export class HintQueue {
  private queue: BeeQueue<Hint> | null = null;
  private closed = false;
  private checkTimer: NodeJS.Timeout | null = null;
  private building: Promise<void> | null = null;
  private quietUntil = 0;

  constructor(private readonly options: HintQueueOptions) {}

  /** Starts to connect; does not wait for it. */
  start(): void {
    this.rebuild();
    this.checkTimer = setInterval(() => void this.check(), CHECK_EVERY_MS);
  }

  get connected(): boolean {
    return this.queue !== null;
  }

  /** Gives hints. Never throws and never waits long: what can't be given is counted as lost. */
  async give(ids: string[]): Promise<void> {
    const { queue } = this;
    if (ids.length === 0) return;
    if (!queue) return this.options.onLost(ids.length);
    try {
      const errors = await within(ANSWER_MS, queue.saveAll(ids.map((id) => queue.createJob({ id }))));
      if (errors.size > 0) throw [...errors.values()][0]!;
    } catch (error) {
      this.options.onLost(ids.length);
      this.trouble(error);
      await this.check();
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    if (this.checkTimer) clearInterval(this.checkTimer);
    await this.building;
    await this.drop();
  }

  private rebuild(): void {
    this.building ??= this.build().finally(() => {
      this.building = null;
    });
  }

  private async build(): Promise<void> {
    await this.drop();
    while (!this.closed && !this.queue) {
      const queue = this.create();
      try {
        await within(READY_MS, queue.ready());
        this.attach(queue);
      } catch (error) {
        this.trouble(error);
        void queue.close(100).catch(() => undefined); // It never was ready: there is nothing to finish.
        await new Promise((resolve) => setTimeout(resolve, REBUILD_EVERY_MS));
      }
    }
  }

  private create(): BeeQueue<Hint> {
    const { name, prefix, address, worker } = this.options;
    const queue = new BeeQueue<Hint>(name, {
      prefix,
      redis: {
        host: address.host,
        port: address.port,
        db: address.db,
        ...(address.password ? { password: address.password } : {}),
        ...(address.username ? { user: address.username } : {}),
        ...(address.tls ? { tls: {} } : {}),
        retry_strategy: ({ attempt }: { attempt: number }) => Math.min(100 * attempt, 1_000),
        socket_initial_delay: 5_000,
      },
      isWorker: worker !== undefined,
      getEvents: false,
      sendEvents: false,
      storeJobs: false,
      removeOnSuccess: true,
      removeOnFailure: true,
      activateDelayedJobs: false,
      stallInterval: STALL_MS,
    });
    queue.on('error', (error) => {
      this.trouble(error);
      if (String(error.message).includes('NOSCRIPT')) void loadScripts(queue);
    });
    return queue;
  }

  private attach(queue: BeeQueue<Hint>): void {
    const { client } = queue as unknown as Internals;
    client.on('ready', () => void loadScripts(queue)); // A server that was restarted has forgotten them.
    const { worker } = this.options;
    if (worker) {
      queue.process(worker.concurrency, async (job) => {
        await worker.handle(job.data.id);
      });
    }
    this.queue = queue;
  }

  private async check(): Promise<void> {
    const { queue } = this;
    if (!queue || this.closed) return;
    const { client } = queue as unknown as Internals;
    try {
      await within(
        ANSWER_MS,
        new Promise<void>((resolve, reject) => client.ping((error) => (error ? reject(error) : resolve()))),
      );
      await within(ANSWER_MS, loadScripts(queue));
      if (this.options.worker) await within(ANSWER_MS, queue.checkStalledJobs());
    } catch (error) {
      this.trouble(error);
      this.rebuild();
    }
  }

  private async drop(): Promise<void> {
    const { queue } = this;
    this.queue = null;
    if (!queue) return;
    await within(ANSWER_MS, queue.close(ANSWER_MS)).catch((error: unknown) => this.trouble(error));
  }

  /** One line a minute: a server that is away fails every call. */
  private trouble(error: unknown): void {
    if (this.closed || Date.now() < this.quietUntil) return;
    this.quietUntil = Date.now() + 60_000;
    this.options.log.warn(
      { queue: this.options.name, error: messageOf(error) },
      'the queue does not answer; MongoDB is asked instead',
    );
  }
}

/** Gives the server our scripts again where it lacks them. */
async function loadScripts(queue: BeeQueue<Hint>): Promise<void> {
  const lua = require('bee-queue/lib/lua') as { buildCache(client: unknown): Promise<void> };
  await lua.buildCache((queue as unknown as Internals).client).catch(() => undefined); // The next check tells what is wrong.
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
    promise.catch(() => undefined); // Late failures of what was given up are not news.
  }
}
