import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { Invalid } from '../domain/errors';
import type { Sealed } from '../domain/source';

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Where a secret stands. It opens only there: moved to another record or field it is worthless. */
export interface SecretPlace {
  collection: string;
  id: string;
  field: string;
}

/**
 * A secret at rest, as plain JSON. `wrappedKey` and `data` are base64 of IV, ciphertext and tag: the data key under the
 * master key that `keyId` names, and the secret under the data key. A new master key means to wrap anew, not to touch
 * the data.
 */
export type SealedSecret = {
  v: 1;
  keyId: string;
  wrappedKey: string;
  data: string;
};

/** The secret was sealed under another master key than the one at hand. */
export class WrongMasterKey extends Error {
  override name = 'WrongMasterKey';
  constructor(
    readonly sealedWith: string,
    readonly atHand: string,
  ) {
    super(`sealed with master key ${sealedWith}, but the master key at hand is ${atHand}`);
  }
}

/** The sealed secret was changed, or moved from the place it was sealed for. */
export class BrokenSeal extends Error {
  override name = 'BrokenSeal';
}

/**
 * A master key from text: 32 bytes as 64 hex digits or as base64 (either alphabet).
 * @throws Invalid, never with the text in it
 */
export function masterKeyFrom(text: string): Buffer {
  const trimmed = text.trim();
  if (/^[0-9a-f]{64}$/i.test(trimmed)) return Buffer.from(trimmed, 'hex');
  // 43 characters carry 32 bytes; Buffer reads both alphabets.
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed)) return Buffer.from(trimmed, 'base64');
  throw new Invalid('a master key is 32 random bytes, written as base64 or hex: openssl rand -base64 32');
}

/** Seals secrets for rest: AES-256-GCM with a data key of its own for each, wrapped by the master key. */
export class SecretBox {
  /** Names the master key without telling anything of it. */
  readonly keyId: string;

  private readonly previous: SecretBox | null;

  /**
   * @param masterKey 32 bytes, as `masterKeyFrom` gives them
   * @param previousKey one that still opens what was sealed under it, while `trailgraph rekey` runs
   */
  constructor(
    private readonly masterKey: Buffer,
    previousKey: Buffer | null = null,
  ) {
    this.previous = previousKey && new SecretBox(previousKey);
    if (masterKey.length !== KEY_BYTES) throw new Invalid(`a master key has ${KEY_BYTES} bytes`);
    this.keyId = createHmac('sha256', masterKey)
      .update('trailgraph master key id')
      .digest('hex')
      .slice(0, 16);
  }

  /** The ids of the master keys whose secrets it opens. */
  get keyIds(): string[] {
    return this.previous ? [this.keyId, this.previous.keyId] : [this.keyId];
  }

  seal(plain: string | Buffer, place: SecretPlace): SealedSecret {
    const dataKey = randomBytes(KEY_BYTES);
    return {
      v: 1,
      keyId: this.keyId,
      wrappedKey: encrypt(this.masterKey, dataKey, bound('key', place)),
      data: encrypt(dataKey, Buffer.from(plain), bound('data', place)),
    };
  }

  /** @throws WrongMasterKey, BrokenSeal */
  open(sealed: Sealed, place: SecretPlace): Buffer {
    const { data, dataKey } = this.unwrap(sealed, place);
    return decrypt(dataKey, data, bound('data', place), place);
  }

  /**
   * The same secret under this box's master key: its data key is wrapped anew, the data is not touched.
   * @param from a box that opens it
   * @throws WrongMasterKey, BrokenSeal
   */
  rewrap(sealed: Sealed, place: SecretPlace, from: SecretBox): SealedSecret {
    const { data, dataKey } = from.unwrap(sealed, place);
    return {
      v: 1,
      keyId: this.keyId,
      wrappedKey: encrypt(this.masterKey, dataKey, bound('key', place)),
      data,
    };
  }

  private unwrap(sealed: Sealed, place: SecretPlace): { data: string; dataKey: Buffer } {
    const { v, keyId, wrappedKey, data } = sealed;
    if (v !== 1 || typeof keyId !== 'string' || typeof wrappedKey !== 'string' || typeof data !== 'string')
      throw new BrokenSeal(`what stands in ${nameOf(place)} is not a sealed secret of version 1`);
    if (keyId === this.previous?.keyId) return this.previous.unwrap(sealed, place);
    if (keyId !== this.keyId) throw new WrongMasterKey(keyId.slice(0, 64), this.keyId);
    return { data, dataKey: decrypt(this.masterKey, wrappedKey, bound('key', place), place) };
  }
}

/** The additional data; as JSON, so that no two places read alike. */
function bound(part: 'key' | 'data', { collection, id, field }: SecretPlace): Buffer {
  return Buffer.from(JSON.stringify([1, part, collection, id, field]));
}

function encrypt(key: Buffer, plain: Buffer, additional: Buffer): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, key, iv).setAAD(additional);
  return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64');
}

function decrypt(key: Buffer, text: string, additional: Buffer, place: SecretPlace): Buffer {
  const bytes = Buffer.from(text, 'base64');
  try {
    const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAAD(additional).setAuthTag(bytes.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()]);
  } catch (cause) {
    throw new BrokenSeal(`the secret in ${nameOf(place)} was changed or belongs elsewhere`, { cause });
  }
}

function nameOf({ collection, id, field }: SecretPlace): string {
  return `${collection} ${id} ${field}`;
}
