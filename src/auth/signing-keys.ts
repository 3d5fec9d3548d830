import type { JWK } from 'jose';
import type { Sealed } from '../domain/source';
import { ACCESS_TOKEN_SECONDS, AccessTokens, generateSigningKey, SETTLE_MS } from './access-tokens';
import type { SecretBox } from './secret-box';

interface KeptKey {
  _id: string;
  kid: string;
  publicJwk: object;
  privateJwk: Sealed;
  createdAt: Date;
}

/** Where signing keys are kept, oldest first. `add` does nothing where a key of that id is there. */
export interface SigningKeyKeeper {
  all(): Promise<KeptKey[]>;
  add(key: KeptKey): Promise<void>;
  remove(id: string): Promise<void>;
}

const COLLECTION = 'signing_keys';
const FIELD = 'privateJwk';
const AUDIENCE = 'trailgraph-api';
const DAY_MS = 86_400_000;
/** A key signs for so long, then another one takes over. */
const ROTATE_AFTER_MS = 30 * DAY_MS;
/** After its successor was made: until that one signs, as long as a token lasts, and as much again for slow processes. */
const RETIRE_AFTER_MS = 2 * (SETTLE_MS + ACCESS_TOKEN_SECONDS * 1_000);
/** Three looks before a new key signs. */
const LOOK_EVERY_MS = SETTLE_MS / 3;

export interface SigningKeyRingParts {
  keys: SigningKeyKeeper;
  box: SecretBox;
  now: () => Date;
}

/**
 * The access tokens of this installation, by keys that all processes share. The first is made at the first start,
 * another one each 30 days; two are live until no token of the older one is left.
 */
export class SigningKeyRing {
  private timer: NodeJS.Timeout | null = null;

  private constructor(
    private readonly parts: SigningKeyRingParts,
    private tokens: AccessTokens,
    private kids: string,
  ) {}

  /** @throws WrongMasterKey where the keys were sealed under another master key */
  static async open(parts: SigningKeyRingParts): Promise<SigningKeyRing> {
    const kept = await turned(parts);
    return new SigningKeyRing(parts, await loaded(parts.box, kept), kidsOf(kept));
  }

  /**
   * Looks for new keys now and then, until it is closed.
   * @param onError told of a look that failed; what was read before is still used
   */
  start(onError: (error: unknown) => void): void {
    this.timer ??= setInterval(() => void this.look().catch(onError), LOOK_EVERY_MS);
    this.timer.unref();
  }

  close(): void {
    if (this.timer) clearInterval(this.timer);
    this.timer = null;
  }

  /** Makes the next key when it is time, takes away what is used up, and reads what others made. */
  async look(): Promise<void> {
    const kept = await turned(this.parts);
    if (kidsOf(kept) === this.kids) return;
    this.tokens = await loaded(this.parts.box, kept);
    this.kids = kidsOf(kept);
  }

  /** As AccessTokens does. */
  issue(grant: Parameters<AccessTokens['issue']>[0]): ReturnType<AccessTokens['issue']> {
    return this.tokens.issue(grant);
  }

  /** As AccessTokens does. @throws Unauthenticated */
  verify(token: string, now: Date): ReturnType<AccessTokens['verify']> {
    return this.tokens.verify(token, now);
  }
}

/** The keys as they are after what is due was done. */
async function turned({ keys, box, now }: SigningKeyRingParts): Promise<KeptKey[]> {
  const kept = await keys.all();
  const newest = kept.at(-1);
  const age = (key: KeptKey): number => now().getTime() - key.createdAt.getTime();
  if (!newest || age(newest) > ROTATE_AFTER_MS) {
    // By its number, so that of several processes one makes it.
    await keys.add(await newKey(`signing-${numberOf(newest) + 1}`, box, now()));
    return keys.all();
  }
  const usedUp = age(newest) > RETIRE_AFTER_MS ? kept.slice(0, -1) : [];
  for (const { _id } of usedUp) await keys.remove(_id);
  return usedUp.length > 0 ? [newest] : kept;
}

async function newKey(id: string, box: SecretBox, now: Date): Promise<KeptKey> {
  const { kid, privateJwk, publicJwk, createdAt } = await generateSigningKey(now);
  const sealed = box.seal(JSON.stringify(privateJwk), { collection: COLLECTION, id, field: FIELD });
  return { _id: id, kid, publicJwk, privateJwk: sealed, createdAt };
}

function loaded(box: SecretBox, kept: KeptKey[]): Promise<AccessTokens> {
  const keys = kept.map((key) => {
    const place = { collection: COLLECTION, id: key._id, field: FIELD };
    const opened = box.open(key.privateJwk, place).toString('utf8');
    const { kid, createdAt } = key;
    return { kid, createdAt, publicJwk: key.publicJwk as JWK, privateJwk: JSON.parse(opened) as JWK };
  });
  return AccessTokens.fromKeys(AUDIENCE, keys);
}

function numberOf(key: KeptKey | undefined): number {
  return key ? Number(/\d+$/.exec(key._id)?.[0] ?? 0) : 0;
}

function kidsOf(kept: KeptKey[]): string {
  return kept.map(({ kid }) => kid).join();
}
