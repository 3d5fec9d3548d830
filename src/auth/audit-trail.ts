import { randomUUID } from 'node:crypto';
import type { AuditEntry } from '../domain/audit';
import { messageOf, RateLimited, TokenReused, Unavailable } from '../domain/errors';
import type { Logger } from '../observe/logger';

/** What is known of an action before it is done. */
export type AuditAttempt = Pick<AuditEntry, 'actor' | 'action' | 'target' | 'ip' | 'requestId' | 'changes'>;

/** What the doing tells. */
export interface AuditFinding {
  target?: string | null;
  actor?: string;
}

/** What the trail needs of the store: `insert` before anything is done, `end` after it. */
export interface AuditKeeper {
  insert(entry: AuditEntry): Promise<void>;
  end(id: string, end: Pick<AuditEntry, 'outcome' | 'error' | 'target'>): Promise<void>;
}

export interface AuditTrailParts {
  entries: AuditKeeper;
  /** The code that an error has for callers. */
  codeOf: (error: unknown) => string;
  now: () => Date;
  log: Pick<Logger, 'error' | 'warn'>;
}

type End = Pick<AuditEntry, 'outcome' | 'error'>;

const DONE: End = { outcome: 'DONE', error: null };
/** Codes that say that we were at fault, not the caller. */
const OURS = new Set(['INTERNAL_SERVER_ERROR', 'UNAVAILABLE']);
const MAX_TARGET = 254;
/** Refusals of callers whom nobody knows, a minute and process: what anybody can cause may not fill the disk. */
const ANONYMOUS_A_MINUTE = 60;

/**
 * Writes the audit log: GraphQL mutations, and whoever else changes something (a command, a REST door).
 *
 * Nothing is done that is not written down first: where the entry can't be written, the action is refused. What came of it is written after; where that fails, the entry stays UNKNOWN, and the log has it.
 */
export class AuditTrail {
  private window = { from: 0, count: 0 };

  constructor(private readonly parts: AuditTrailParts) {}

  /**
   * Does something and records it.
   * @param find tells the target where only the result does
   * @throws what `work` throws; Unavailable where the entry could not be written: then nothing was done
   */
  async run<T>(
    attempt: AuditAttempt,
    work: () => Promise<T>,
    find: (result: T) => AuditFinding = () => ({}),
  ): Promise<T> {
    const entry = this.entryOf(attempt, { outcome: 'UNKNOWN', error: null });
    await this.insert(entry);
    try {
      const result = await work();
      await this.end(entry, DONE, find(result));
      return result;
    } catch (error) {
      await this.end(entry, this.endOf(error), {});
      throw error;
    }
  }

  /**
   * Does something that gives nothing but tokens, and records it afterwards: who it was is known only then. Where the
   * entry can't be written the tokens are not handed out. An attempt that a rate limit refused was none: those before it
   * are recorded.
   */
  async signIn<T>(
    attempt: AuditAttempt,
    work: () => Promise<T>,
    find: (result: T) => AuditFinding,
  ): Promise<T> {
    let result: T;
    try {
      result = await work();
    } catch (error) {
      const found = error instanceof TokenReused ? { target: error.userId } : {};
      if (!(error instanceof RateLimited)) {
        // The caller is to hear what he would have heard.
        await this.write(attempt, this.endOf(error), found).catch(() => undefined);
      }
      throw error;
    }
    await this.write(attempt, DONE, find(result));
    return result;
  }

  /** Does something that an unknown caller will be refused; of those refusals only so many are recorded a minute. */
  async refuse<T>(attempt: AuditAttempt, work: () => Promise<T>): Promise<T> {
    return this.hasRoom() ? this.run(attempt, work) : work();
  }

  private async write(attempt: AuditAttempt, end: End, found: AuditFinding): Promise<void> {
    const { actor = attempt.actor, target = attempt.target } = found;
    await this.insert(this.entryOf({ ...attempt, actor, target }, end));
  }

  /** @throws Unavailable */
  private async insert(entry: AuditEntry): Promise<void> {
    try {
      await this.parts.entries.insert(entry);
    } catch (error) {
      this.parts.log.error({ audit: entry, error: messageOf(error) }, 'an audit entry could not be written');
      throw new Unavailable(
        'This can not be written to the audit log just now, so it is refused: try again.',
      );
    }
  }

  private async end(entry: AuditEntry, end: End, { target = entry.target }: AuditFinding): Promise<void> {
    try {
      await this.parts.entries.end(entry._id, { ...end, target: cut(target) });
    } catch (error) {
      const audit = { ...entry, ...end, target };
      this.parts.log.error({ audit, error: messageOf(error) }, 'an audit entry stays without its outcome');
    }
  }

  private endOf(error: unknown): End {
    const code = error instanceof TokenReused ? 'REFRESH_TOKEN_REUSED' : this.parts.codeOf(error);
    return { outcome: OURS.has(code) ? 'FAILED' : 'REFUSED', error: code };
  }

  private entryOf(attempt: AuditAttempt, end: End): AuditEntry {
    return { _id: randomUUID(), at: this.parts.now(), ...attempt, target: cut(attempt.target), ...end };
  }

  private hasRoom(): boolean {
    const now = performance.now();
    if (now - this.window.from > 60_000) this.window = { from: now, count: 0 };
    this.window.count++;
    if (this.window.count === ANONYMOUS_A_MINUTE + 1)
      this.parts.log.warn('further refusals of anonymous callers are left out of the audit log for a minute');
    return this.window.count <= ANONYMOUS_A_MINUTE;
  }
}

function cut(target: string | null): string | null {
  return target === null ? null : target.slice(0, MAX_TARGET);
}
