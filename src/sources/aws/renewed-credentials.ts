/** What a request is signed with. */
export interface SigningKeys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
  /** When they end; absent where nobody said. */
  expiration?: Date;
}

/** As the AWS SDK takes it; `memoized` keeps the SDK from holding on to what was forgotten here. */
export type KeyProvider = (() => Promise<SigningKeys>) & { memoized: true };

/** The AWS SDK's own measure: requests that are on their way must not meet the end. */
const AHEAD_MS = 300_000;
/** Keys that name no end may have been changed where they come from, such as in a file. */
const ASK_AGAIN_MS = 300_000;
/** As long as the old keys hold, a renewal that failed is not tried again before this. */
const RETRY_MS = 15_000;
/** For a profile's own process or sign-on service as well. */
const ASK_WITHIN_MS = 20_000;

interface Held {
  keys: SigningKeys;
  renewAt: number;
  endsAt: number;
}

/**
 * Keys that are asked for once for all who need them, and anew ahead of their end: 5 minutes, or half of their life
 * where that is shorter. Where a renewal fails, the old ones serve to their end.
 */
export class RenewedCredentials {
  private held: Held | null = null;
  private asking: Promise<SigningKeys> | null = null;
  readonly provider: KeyProvider;

  /** @param ask gives new keys each time; its failure is the failure of those who need them */
  constructor(private readonly ask: () => Promise<SigningKeys>) {
    this.provider = Object.assign(() => this.get(), { memoized: true as const });
  }

  /** @throws what `ask` throws, or an error named TimeoutError after 20 s */
  async get(): Promise<SigningKeys> {
    const { held } = this;
    const now = Date.now();
    if (held && now < held.renewAt) return held.keys;
    this.asking ??= this.renew().finally(() => {
      this.asking = null;
    });
    if (!held || now >= held.endsAt) return this.asking;
    return this.asking.catch(() => {
      held.renewAt = Math.min(held.endsAt, Date.now() + RETRY_MS);
      return held.keys;
    });
  }

  /** These keys were answered to have expired, whatever was said of their end: the next call asks anew. */
  forget(accessKeyId: string): void {
    if (this.held?.keys.accessKeyId === accessKeyId) this.held = null;
  }

  private async renew(): Promise<SigningKeys> {
    const keys = await withinTime(this.ask());
    const now = Date.now();
    const endsAt = keys.expiration?.getTime() ?? Number.POSITIVE_INFINITY;
    const renewAt = Number.isFinite(endsAt)
      ? endsAt - Math.min(AHEAD_MS, Math.max(0, endsAt - now) / 2)
      : now + ASK_AGAIN_MS;
    this.held = { keys, renewAt, endsAt };
    return keys;
  }
}

async function withinTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new Error(`no AWS credentials were given within ${ASK_WITHIN_MS / 1_000} s`);
      reject(Object.assign(error, { name: 'TimeoutError' }));
    }, ASK_WITHIN_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
