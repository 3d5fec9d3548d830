import { setTimeout as delay } from 'node:timers/promises';
import BeeQueue from 'bee-queue';
import { messageOf } from '../domain/errors';
import type { Logger } from '../observe/logger';
import { type HintAddress, type HintClient, HintConnections, type LocateMaster } from './hint-connections';

/** A hint: "look now at this". Nothing depends on it, since MongoDB holds what is to be done. */
export interface Hint {
  id: string;
}

export interface HintQueueOptions {
  name: string;
  /** Namespace of the keys. */
  prefix: string;
  address: HintAddress;
  /** Under Sentinel: where the server is now, in the place of the address's host and port. */
  locate?: LocateMaster;
  /** Where hints are taken: absent in a process that only gives them. */
  worker?: { concurrency: number; handle: (id: string) => Promise<void> };
  onLost: (count: number) => void;
  log: Logger;
}

/** A queue of Bee-Queue's and its connections. */
interface Connected {
  queue: BeeQueue<Hint>;
  connections: HintConnections;
}

/** It goes on connecting by itself; so long without an answer, a socket is taken for a dead one. */
const READY_MS = 10_000;
const ANSWER_MS = 1_500;
const CHECK_EVERY_MS = 10_000;
const REBUILD_EVERY_MS = 1_000;
const STALL_MS = 30_000;
/** Doubled for each job that is waited for at a time: eight would wait up to 128 s if the first waited 1 s. */
const TAKE_AGAIN_MS = 10;

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
      let candidate: Connected | null = null;
      try {
        candidate = this.create(await this.address());
        await within(READY_MS, Promise.race([candidate.queue.ready(), aborted(signal)]));
        this.attach(candidate);
      } catch (error) {
        this.trouble(error);
        void candidate?.queue.close(ANSWER_MS).catch(() => undefined); // It never was ready: there is nothing to finish.
        candidate?.connections.end();
        await delay(REBUILD_EVERY_MS, undefined, { signal }).catch(() => undefined); // Closing ends the wait.
      }
    }
  }

  private async address(): Promise<HintAddress> {
    const { address, locate } = this.options;
    return locate ? { ...address, ...(await within(READY_MS, locate())) } : address;
  }

  private create(address: HintAddress): Connected {
    const { name, prefix, locate, worker } = this.options;
    const onError = (error: Error): void => {
      this.trouble(error);
      if (String(error.message).includes('NOSCRIPT')) void loadScripts(connections.commands);
    };
    const connections = new HintConnections(address, onError, locate);
    const settings = {
      prefix,
      redis: connections.commands as never, // Its types know a client of another version only.
      quitCommandClient: false,
      isWorker: worker !== undefined,
      getEvents: false,
      sendEvents: false,
      storeJobs: false,
      removeOnSuccess: true,
      removeOnFailure: true,
      activateDelayedJobs: false,
      stallInterval: STALL_MS,
      initialRedisFailureRetryDelay: TAKE_AGAIN_MS,
    };
    const queue = new BeeQueue<Hint>(name, settings);
    queue.on('error', onError);
    return { queue, connections };
  }

  private attach(connected: Connected): void {
    const { queue, connections } = connected;
    connections.commands.on('ready', () => void loadScripts(connections.commands)); // A server that was restarted has forgotten them.
    const { worker } = this.options;
    if (worker) {
      queue.process(worker.concurrency, async (job) => {
        await worker.handle(job.data.id);
      });
    }
    this.connected = connected;
  }

  private async check(): Promise<void> {
    const { connected } = this;
    if (!connected || this.closing.signal.aborted) return;
    const { connections } = connected;
    const { commands } = connections;
    try {
      await within(
        ANSWER_MS,
        new Promise<void>((resolve, reject) =>
          connections.check((error) => (error ? reject(error) : resolve())),
        ),
      );
      await within(ANSWER_MS, loadScripts(commands));
      if (this.options.worker) await within(ANSWER_MS, connected.queue.checkStalledJobs());
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
    connected.connections.end();
  }

  /** One line a minute: a server that is away fails every call. */
  private trouble(error: unknown): void {
    if (this.closing.signal.aborted || performance.now() < this.quietUntil) return;
    this.quietUntil = performance.now() + 60_000;
    this.options.log.warn(
      { queue: this.options.name, error: messageOf(error) },
      'the queue does not answer; MongoDB is asked instead',
    );
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** Gives the server our scripts again where it lacks them. */
async function loadScripts(client: HintClient): Promise<void> {
  const lua = require('bee-queue/lib/lua') as { buildCache(client: HintClient): Promise<void> };
  await lua.buildCache(client).catch(() => undefined); // The next check tells what is wrong.
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
