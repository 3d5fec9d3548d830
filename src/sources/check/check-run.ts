import { once } from 'node:events';
import { messageOf } from '../../domain/errors';
import type { CheckStatus, SourceCheck } from '../../domain/source-check';

/** Each step, retries included. */
const STEP_MS = 8_000;

/** How a step came out, if not well. */
export interface Finding {
  status: Exclude<CheckStatus, 'SKIPPED'>;
  message: string;
  remedy?: string | null;
}

/** What a step found, and what later steps need of it. */
export interface Found<T> extends Finding {
  value: T;
}

export interface Step<T> {
  name: string;
  awsAction?: string | null;
  /** Results of earlier steps: a null among them means that there is nothing to rest on. */
  restsOn?: readonly unknown[];
  /** @throws an error, with a remedy in its options where there is one: the step has failed */
  work: (signal: AbortSignal) => Promise<Found<T>>;
}

/** The steps of trying out a source, in order. Never throws: what goes wrong is told by the step. */
export class CheckRun {
  readonly checks: SourceCheck[] = [];

  /** @param signal ends the steps, also those that are to come */
  constructor(private readonly signal: AbortSignal) {}

  /** Takes a step. @returns its value; null where it failed or was skipped */
  async step<T>({ name, awsAction = null, restsOn = [], work }: Step<T>): Promise<T | null> {
    if (restsOn.includes(null)) {
      this.skip({ name, awsAction, why: 'a step that this one rests on did not succeed' });
      return null;
    }
    const signal = AbortSignal.any([this.signal, AbortSignal.timeout(STEP_MS)]);
    try {
      signal.throwIfAborted();
      const { value, status, message, remedy = null } = await orAbort(work(signal), signal);
      this.checks.push({ name, status, message, remedy, awsAction });
      return status === 'FAIL' ? null : value;
    } catch (error) {
      this.checks.push({ name, awsAction, status: 'FAIL', ...this.told(error, signal) });
      return null;
    }
  }

  /** Says of a step why it was not taken. */
  skip({
    name,
    awsAction = null,
    why,
    remedy = null,
  }: {
    name: string;
    awsAction?: string | null;
    why: string;
    remedy?: string | null;
  }): void {
    this.checks.push({ name, awsAction, status: 'SKIPPED', message: `Not tried: ${why}.`, remedy });
  }

  private told(error: unknown, signal: AbortSignal): { message: string; remedy: string | null } {
    if (signal.aborted) {
      const why = this.signal.aborted ? 'the time for the whole test was over' : `${STEP_MS / 1_000} s`;
      return {
        message: `No answer in time (${why}).`,
        remedy: 'Check the network, firewalls and routes on the way there, then test again.',
      };
    }
    return { message: messageOf(error), remedy: remedyOf(error) };
  }
}

function remedyOf(error: unknown): string | null {
  const options: unknown = typeof error === 'object' && error ? Reflect.get(error, 'options') : null;
  const remedy: unknown = typeof options === 'object' && options ? Reflect.get(options, 'remedy') : null;
  return typeof remedy === 'string' ? remedy : null;
}

/** Not everything heeds a signal, such as a profile's own process. */
async function orAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const end = new AbortController();
  const aborted = once(signal, 'abort', { signal: end.signal }).then(() => {
    throw signal.reason;
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    aborted.catch(() => undefined);
    end.abort();
  }
}
