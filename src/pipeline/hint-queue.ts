import { setTimeout as delay } from 'node:timers/promises';
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
  client: {
    ping(done: (error: Error | null) => void): void;
    on(event: 'ready', listener: () => void): void;
    end(flush: boolean): void;
  };
  /** Waits for jobs; only in a process that takes them. */
  bclient: { end(flush: boolean): void } | null;
}

/** A queue of Bee-Queue's and what ends it for good. */
interface Connected {
  queue: BeeQueue<Hint>;
  /** Lets go of its connections, now or when they come to be: Bee-Queue forgets those that never were ready. */
  abandon: () => void;
}

/** It goes on trying by itself; so long without an answer, a socket is taken for a dead one. */
const READY_MS = 30_000;
const ANSWER_MS = 1_500;
const CHECK_EVERY_MS = 10_000;
const REBUILD_EVERY_MS = 1_000;
const STALL_MS = 30_000;
const ABANDON_MS = 100;

/**
 * One queue of hints. Bee-Queue gives up on a server that was away (its scripts are gone after a restart, a half-open
 * socket hangs), so it is asked for a sign of life every 10 s and built anew where it gives none.
 */
export class HintQueue {
  private connected: Connected | null = null;
  private readonly closing = new AbortController();
  private checkTimer: NodeJS.Timeout | null = null;
  private building: Promise<void> | null = null;
  private quietUntil = 0;

  constructor(private readonly options: HintQueueOptions) {}

  /** Starts to connect; does not wait for it. */
  start(): void {
    this.rebuild();
    this.checkTimer = setInterval(() => void this.check(), CHECK_EVERY_MS);
  }

  /** Gives hints. Never throws and never waits long: what can't be given is counted as lost. */
  async give(ids: string[]): Promise<void> {
    const queue = this.connected?.queue;
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
    this.closing.abort();
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
    const { signal } = this.closing;
    await this.drop();
    while (!signal.aborted && !this.connected) {
      const candidate = this.create();
      try {
        await within(READY_MS, Promise.race([candidate.queue.ready(), aborted(signal)]));
        this.attach(candidate);
      } catch (error) {
        this.trouble(error);
        candidate.abandon();
        await delay(REBUILD_EVERY_MS, undefined, { signal }).catch(() => undefined); // Closing ends the wait.
      }
    }
  }

  private create(): Connected {
    let abandoned = false;
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
        retry_strategy: ({ attempt }: { attempt: number }) =>
          abandoned ? new Error('the queue was given up') : Math.min(100 * attempt, 1_000),
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
    const abandon = (): void => {
      abandoned = true;
      void queue.close(ABANDON_MS).catch(() => undefined); // What it still waited for was given up.
      void queue.ready().then(
        () => endConnections(queue),
        () => undefined, // Nothing to end: the connection failed.
      );
    };
    return { queue, abandon };
  }

  private attach(connected: Connected): void {
    const { queue } = connected;
    const { client } = queue as unknown as Internals;
    client.on('ready', () => void loadScripts(queue)); // A server that was restarted has forgotten them.
    const { worker } = this.options;
    if (worker) {
      queue.process(worker.concurrency, async (job) => {
        await worker.handle(job.data.id);
      });
    }
    this.connected = connected;
  }

  private async check(): Promise<void> {
    const queue = this.connected?.queue;
    if (!queue || this.closing.signal.aborted) return;
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
    const { connected } = this;
    this.connected = null;
    if (!connected) return;
    await within(ANSWER_MS, connected.queue.close(ANSWER_MS)).catch((error: unknown) => this.trouble(error));
    connected.abandon();
  }

  /** One line a minute: a server that is away fails every call. */
  private trouble(error: unknown): void {
    if (this.closing.signal.aborted || Date.now() < this.quietUntil) return;
    this.quietUntil = Date.now() + 60_000;
    this.options.log.warn(
      { queue: this.options.name, error: messageOf(error) },
      'the queue does not answer; MongoDB is asked instead',
    );
  }
}

function endConnections(queue: BeeQueue<Hint>): void {
  const { client, bclient } = queue as unknown as Internals;
  client.end(true);
  bclient?.end(true);
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
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
