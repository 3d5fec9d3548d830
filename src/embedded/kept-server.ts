import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { backoffMs } from '../domain/backoff';
import { messageOf, Unavailable } from '../domain/errors';
import type { EmbeddedLog, ProgramKind } from './embedded-log';
import { endLeftBehind, noteRunning } from './running-note';
import { boundLog, tailOfLog, turnOverLog } from './server-log';
import { type Launch, type SupervisedProcess, superviseProcess } from './supervised-process';

export interface ServerPlan extends Launch {
  kind: ProgramKind;
  /** Says who runs, for a start after one that left its server behind. */
  noteFile: string;
  /** Resolves when the server takes work, throws while it does not. */
  probe(): Promise<void>;
}

/** mongod reads its journal first, after a crash under load. */
const READY_WITHIN_MS = 120_000;
const PROBE_EVERY_MS = 20;
const BACKOFF = { baseMs: 100, maxMs: 10_000 };
/** One that ran as long as this is not in a crash loop. */
const STABLE_AFTER_MS = 60_000;
const BOUND_LOG_EVERY_MS = 60_000;

/**
 * A server that is started again whenever it dies, after a wait that doubles with each death from 0.1 s to 10 s.
 *
 * `start` returns when it takes work, or throws why it does not. From then on `keep` waits for its end; `close`
 * ends that first, so that a stop is not taken for a death, then stops the process.
 */
export class KeptServer {
  private readonly closing = new AbortController();
  private readonly logTimer: NodeJS.Timeout;
  private keeping: Promise<void> | undefined;
  private running: SupervisedProcess | undefined;

  private constructor(
    private readonly plan: ServerPlan,
    private readonly log: EmbeddedLog,
  ) {
    this.logTimer = setInterval(() => this.boundLog(), BOUND_LOG_EVERY_MS);
    this.logTimer.unref();
  }

  /** Throws Unavailable, with the end of the server's log, when it does not take work within 120 s. */
  static async start(plan: ServerPlan, log: EmbeddedLog, signal: AbortSignal): Promise<KeptServer> {
    const left = await endLeftBehind(plan.noteFile, plan.graceMs);
    if (left !== undefined) log.warn({ server: plan.kind, pid: left }, 'ended a server that was left behind');
    await turnOverLog(plan.logFile);
    const server = new KeptServer(plan, log);
    try {
      await server.launch(signal);
    } catch (error) {
      await server.close();
      throw error;
    }
    server.keeping = server.keep();
    return server;
  }

  /** Stops the server; returns when it has ended. */
  async close(): Promise<void> {
    this.closing.abort();
    clearInterval(this.logTimer);
    await this.keeping;
    await this.running?.stop();
    await rm(this.plan.noteFile, { force: true });
  }

  private async launch(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { kind, logFile } = this.plan;
    const running = await superviseProcess(this.plan);
    this.running = running;
    await noteRunning(this.plan.noteFile, running.identity);
    const trying = new AbortController();
    const stop = AbortSignal.any([signal, trying.signal]);
    const end = running.ended.then((how) => `ended ${how}`);
    try {
      const fault = await Promise.race([this.untilReady(stop), end]);
      if (fault === undefined) return;
      await running.stop();
      throw new Unavailable(
        `${kind} ${fault}; the end of ${logFile}: ${(await tailOfLog(logFile)).slice(-1500)}`,
      );
    } finally {
      trying.abort();
    }
  }

  /** Nothing when the server takes work, else why it does not. */
  private async untilReady(signal: AbortSignal): Promise<string | undefined> {
    const until = Date.now() + READY_WITHIN_MS;
    for (;;) {
      try {
        await this.plan.probe();
        return undefined;
      } catch (error) {
        if (signal.aborted) return 'was told to stop while it started';
        if (Date.now() > until)
          return `takes no work after ${READY_WITHIN_MS / 1000} s (${messageOf(error)})`;
      }
      await delay(PROBE_EVERY_MS);
    }
  }

  private async keep(): Promise<void> {
    const { signal } = this.closing;
    const closed = new Promise<'closed'>((resolve) =>
      signal.addEventListener('abort', () => resolve('closed'), { once: true }),
    );
    let failures = 0;
    let readyAt = Date.now();
    while (this.running !== undefined) {
      const how = await Promise.race([this.running.ended, closed]);
      if (signal.aborted) return;
      if (Date.now() - readyAt > STABLE_AFTER_MS) failures = 0;
      const waitMs = Math.round(backoffMs(++failures, BACKOFF, Math.random));
      this.log.warn({ server: this.plan.kind, waitMs }, `embedded server ended ${how}; starting it again`);
      // Rejects only when we close.
      await delay(waitMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await this.launch(signal);
        readyAt = Date.now();
        this.log.info({ server: this.plan.kind }, 'embedded server is back');
      } catch (error) {
        this.log.warn(
          { server: this.plan.kind, error: messageOf(error, 2_000) },
          'embedded server did not start',
        );
      }
    }
  }

  private boundLog(): void {
    boundLog(this.plan.logFile).catch((error: unknown) => {
      this.log.warn({ file: this.plan.logFile, error: messageOf(error) }, 'a server log can not be cut');
    });
  }
}
