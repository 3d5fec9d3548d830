import { messageOf } from '../domain/errors';
import { LookupFailed } from './failure';
import type { Resolve, ResolvedAddress } from './guarded-lookup';

export interface LookUpOptions {
  /** For one look-up, waiting for its turn included; 5 s, as for a connection. */
  timeoutMs?: number;
  /** Look-ups that run at the same time; 8. The system's resolver holds a thread for each, however long it takes. */
  atOnce?: number;
  /** Look-ups that wait for their turn at most; 1,000. */
  mostWaiting?: number;
}

/** Names that answered the last time. */
const KNOWN_NAMES = 10_000;

interface Waiting {
  known: boolean;
  start: () => void;
}

/**
 * Bounds look-ups in number and in time. Those of one name at the same time are one. Half of the places are kept for
 * names that answered before, so that names that hang, however many, do not keep them from being looked up. A place is
 * free again when the look-up has really ended, not when nobody waits for it any more.
 */
export class LookUps {
  private readonly underWay = new Map<string, Promise<ResolvedAddress[]>>();
  private readonly waiting: Waiting[] = [];
  private readonly known = new Set<string>();
  private running = 0;
  private runningUnknown = 0;
  private readonly timeoutMs: number;
  private readonly atOnce: number;
  private readonly mostWaiting: number;

  constructor(
    private readonly ask: Resolve,
    options: LookUpOptions = {},
  ) {
    this.timeoutMs = options.timeoutMs ?? 5_000;
    this.atOnce = options.atOnce ?? 8;
    this.mostWaiting = options.mostWaiting ?? 1_000;
  }

  /** @throws LookupFailed where the name has no address, nobody says so, or the time is up */
  readonly resolve: Resolve = (name) => {
    let answer = this.underWay.get(name);
    if (!answer) {
      answer = this.begin(name).finally(() => this.underWay.delete(name));
      this.underWay.set(name, answer);
    }
    return this.inTime(name, answer);
  };

  /** Settles when the look-up itself ends, which may be long after its deadline. */
  private async begin(name: string): Promise<ResolvedAddress[]> {
    const deadline = AbortSignal.timeout(this.timeoutMs);
    const known = this.known.has(name);
    await this.turn(name, known, deadline);
    try {
      const records = await this.ask(name, deadline);
      this.remember(name, !deadline.aborted);
      return records;
    } catch (error) {
      this.remember(name, !deadline.aborted);
      throw error instanceof LookupFailed ? error : new LookupFailed(name, messageOf(error, 200));
    } finally {
      this.running--;
      if (!known) this.runningUnknown--;
      this.startNext();
    }
  }

  private turn(name: string, known: boolean, deadline: AbortSignal): Promise<void> {
    if (this.waiting.length >= this.mostWaiting)
      return Promise.reject(new LookupFailed(name, 'too many names are being looked up'));
    return new Promise((resolve, reject) => {
      const entry = { known, start: resolve };
      this.waiting.push(entry);
      const tooLate = (): void => {
        const at = this.waiting.indexOf(entry);
        if (at === -1) return;
        this.waiting.splice(at, 1);
        reject(new LookupFailed(name, `no turn within ${this.timeoutMs} ms: too many look-ups hang`));
      };
      deadline.addEventListener('abort', tooLate, { once: true });
      this.startNext();
    });
  }

  private startNext(): void {
    while (this.running < this.atOnce) {
      const at = this.waiting.findIndex(({ known }) => known || this.runningUnknown < this.atOnce / 2);
      const [next] = at === -1 ? [] : this.waiting.splice(at, 1);
      if (!next) return;
      this.running++;
      if (!next.known) this.runningUnknown++;
      next.start();
    }
  }

  private remember(name: string, answers: boolean): void {
    this.known.delete(name);
    if (!answers) return;
    if (this.known.size >= KNOWN_NAMES) this.known.delete(this.known.values().next().value!);
    this.known.add(name);
  }

  private async inTime(name: string, answer: Promise<ResolvedAddress[]>): Promise<ResolvedAddress[]> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const tooLate = (): void => reject(new LookupFailed(name, `no answer within ${this.timeoutMs} ms`));
      timer = setTimeout(tooLate, this.timeoutMs);
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
