import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { backoffMs } from '../../domain/backoff';
import { messageOf } from '../../domain/errors';
import type { Counters } from '../../domain/source';
import { CommandFailure, EXIT } from '../failure';
import { noServerAt } from '../no-server';
import type { Door } from './find-door';

/** What the door says of one body. */
export interface PushAnswer extends Counters {
  rejections: { index: number; reason: string }[];
}

/** The door itself answers within 4 s; a proxy before it may take its time. */
const ANSWER_MS = 60_000;
/** Waits of one body in all, for a server that is busy or restarts. */
const GIVE_UP_AFTER_MS = 60_000;
const BACKOFF = { baseMs: 500, maxMs: 8_000 };
const BUSY = new Set([429, 502, 503, 504]);

const gzipAsync = promisify(gzip);

/** Why a body did not get through now. */
interface Refusal {
  message: string;
  retryAfterMs: number | null;
}

/** Sends bodies to the door of a source. */
export class PushClient {
  private reached = false;

  constructor(
    private readonly door: Door,
    private readonly stopped: AbortSignal,
  ) {}

  /**
   * Sends a body, again and again while the server is busy or away.
   * @returns what the server says, and how many times the body was sent again
   * @throws CommandFailure where it can't be sent, or was not sent within a minute
   */
  async send(text: Buffer): Promise<PushAnswer & { resent: number }> {
    const body = await gzipAsync(text, { level: 1 });
    let waited = 0;
    for (let tries = 1; ; tries++) {
      const answer = await this.attempt(body);
      if (!('message' in answer)) return { ...answer, resent: tries - 1 };
      const wait = Math.max(answer.retryAfterMs ?? 0, backoffMs(tries, BACKOFF, Math.random));
      waited += wait;
      if (waited > GIVE_UP_AFTER_MS || this.stopped.aborted)
        throw new CommandFailure(`${answer.message} What was sent so far is stored.`, EXIT.incomplete);
      await delay(wait, undefined, { signal: this.stopped }).catch(() => undefined); // Stopped: one last try.
    }
  }

  private async attempt(body: Buffer): Promise<PushAnswer | Refusal> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(this.door.url, {
        method: 'POST',
        headers: { authorization: `Bearer ${this.door.token}`, 'content-type': 'application/json' },
        body: new Uint8Array(body),
        redirect: 'error',
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      text = await response.text();
    } catch (error) {
      const { server } = this.door;
      const reason = reasonOf(error);
      if (!this.reached) throw new CommandFailure(noServerAt(server, reason));
      return { message: `No server answers at ${server} (${reason}).`, retryAfterMs: null };
    }
    const answer = parsed(text);
    if (response.ok && isAnswer(answer)) {
      this.reached = true;
      return answer;
    }
    const said = messageIn(answer);
    if (BUSY.has(response.status) && (said !== null || this.reached)) {
      this.reached = true;
      const seconds = Number(response.headers.get('retry-after'));
      return {
        message: `The server does not take the records: ${said ?? `it answers ${response.status}`}`,
        retryAfterMs: Number.isFinite(seconds) ? seconds * 1_000 : null,
      };
    }
    throw this.refused(response.status, said);
  }

  private refused(status: number, said: string | null): CommandFailure {
    const { server, source } = this.door;
    if (said === null)
      return new CommandFailure(`${server} answers ${status}, but not as TrailGraph does: is the URL right?`);
    if (status === 401 || status === 403) {
      return new CommandFailure(
        `${server} refused the token: ${said} Set TRAILGRAPH_TOKEN to the ingest token of the source ${source}, or to an API key or the access token of an OPERATOR.`,
      );
    }
    return new CommandFailure(`${server} answered ${status}: ${said}`, EXIT.incomplete);
  }
}

function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: unknown } };
  return typeof cause?.code === 'string' ? cause.code : messageOf(cause ?? error);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // A proxy's page, for one.
  }
}

function isAnswer(value: unknown): value is PushAnswer {
  const { received, rejections } = (value ?? {}) as Partial<Record<keyof PushAnswer, unknown>>;
  return typeof received === 'number' && Array.isArray(rejections);
}

function messageIn(value: unknown): string | null {
  const { error, message } = (value ?? {}) as { error?: unknown; message?: unknown };
  return error === true && typeof message === 'string' ? message : null;
}
