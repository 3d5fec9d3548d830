import { stat } from 'node:fs/promises';
import { Permanent } from '../domain/errors';
import type { EnrichmentLog } from './log';

/**
 * A value read from a file, read again when the file changes. The file is looked at every `pollMs`; a change counts
 * once it looks the same twice, so that a file still being copied is left alone. What can't be used leaves the old
 * value in place, with a warning: a broken file until it changes again, one that can't be read until it can.
 */
export class WatchedFile<T> {
  readonly #closing = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  /** The marks of the file: as loaded (or given up), and at the last look. */
  #settled: string;
  #seen: string;
  #warned = '';

  private constructor(
    readonly path: string,
    private readonly options: WatchOptions<T>,
    private current: T,
    mark: string,
  ) {
    this.#settled = mark;
    this.#seen = mark;
    this.#arm();
  }

  /** Loads the file; throws what `stat` and `load` throw. Close what it gives. */
  static async open<T>(path: string, options: WatchOptions<T>): Promise<WatchedFile<T>> {
    const mark = await markOf(path);
    return new WatchedFile(path, options, await options.load(path), mark);
  }

  get value(): T {
    return this.current;
  }

  /** Stops looking and drops a load that is under way. */
  close(): void {
    this.#closing.abort();
    clearTimeout(this.#timer);
  }

  #arm(): void {
    if (this.#closing.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#look().then(() => this.#arm());
    }, this.options.pollMs);
    this.#timer.unref();
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const { load, log, onChange } = this.options;
    try {
      const mark = await markOf(this.path);
      const stable = mark === this.#seen;
      this.#seen = mark;
      if (!stable || mark === this.#settled) return;
      const next = await load(this.path, this.#closing.signal);
      if (this.#closing.signal.aborted) return;
      this.current = next;
      this.#settled = mark;
      this.#warned = '';
      onChange();
      log.info({ path: this.path }, 'geo database reloaded');
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      // Broken content stays broken until the file changes; a failed read is tried again at the next look.
      if (error instanceof Permanent) this.#settled = this.#seen;
      this.#warn(error);
    }
  }

  #warn(error: unknown): void {
    const reason = `${this.#seen} ${error instanceof Error ? error.message : String(error)}`;
    if (reason === this.#warned) return;
    this.#warned = reason;
    this.options.log.warn(
      { path: this.path, err: error },
      'geo database not reloaded; the one before stays in use',
    );
  }
}

export interface WatchOptions<T> {
  /** Permanent for content that can't be used. */
  load(path: string, signal?: AbortSignal): Promise<T>;
  /** After `value` has become another. */
  onChange(): void;
  pollMs: number;
  log: EnrichmentLog;
}

async function markOf(path: string): Promise<string> {
  const { mtimeMs, size, ino } = await stat(path);
  return `${mtimeMs} ${size} ${ino}`;
}
