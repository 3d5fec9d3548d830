import type { ApiKey } from '../domain/api-key';
import { keyPrefix } from '../domain/api-key';
import { Conflict, Invalid, NotFound, Unauthenticated } from '../domain/errors';
import type { Role } from '../domain/user';
import { apiKeyId, apiKeyMatches, newApiKey } from './api-keys';
import type { KeyHolder } from './caller';
import { hashToken } from './opaque-token';

/** What API keys need of their store. */
export interface ApiKeyKeeper {
  insert(key: ApiKey): Promise<void>;
  get(id: string): Promise<ApiKey | null>;
  many(ids: readonly string[]): Promise<ApiKey[]>;
  newest(limit: number): Promise<ApiKey[]>;
  count(): Promise<number>;
  revoke(id: string, now: Date): Promise<ApiKey | null>;
  used(id: string, at: Date, before: Date): Promise<void>;
}

/** All of them fit in one answer. */
const MOST_KEYS = 1_000;
const MAX_NAME = 100;
/** A use is written at most so often. */
const USED_EVERY_MS = 60_000;
/** Compared where there is no such key, so that it takes as long. */
const NO_KEY = hashToken('');

/** Makes, finds and ends the keys of programs. A key belongs to the installation, not to who made it. */
export class ApiKeyRing {
  constructor(
    private readonly keys: ApiKeyKeeper,
    private readonly now: () => Date,
  ) {}

  /**
   * @returns the key as it is kept, and the secret, which is told only now
   * @throws Invalid; Conflict where there are too many
   */
  async create(given: { name: string; role: Role; expiresAt: Date | null }): Promise<{
    key: ApiKey;
    secret: string;
  }> {
    const name = given.name.trim();
    const now = this.now();
    const fields = [
      ...(name.length < 1 || name.length > MAX_NAME
        ? [{ path: ['input', 'name'], message: `must have 1 to ${MAX_NAME} characters` }]
        : []),
      ...(given.expiresAt !== null && given.expiresAt <= now
        ? [{ path: ['input', 'expiresAt'], message: 'must lie in the future' }]
        : []),
    ];
    if (fields[0]) throw new Invalid(`${fields[0].path[1]} ${fields[0].message}.`, fields);
    if ((await this.keys.count()) >= MOST_KEYS) {
      throw new Conflict(`There are ${MOST_KEYS} API keys: revoke some; they leave the list after 90 days.`);
    }
    const { id, key: secret, hash } = newApiKey();
    const key: ApiKey = {
      _id: id,
      name,
      hash,
      role: given.role,
      createdAt: now,
      lastUsedAt: null,
      expiresAt: given.expiresAt,
      revokedAt: null,
    };
    await this.keys.insert(key);
    return { key, secret };
  }

  all(): Promise<ApiKey[]> {
    return this.keys.newest(MOST_KEYS);
  }

  get(id: string): Promise<ApiKey | null> {
    return this.keys.get(id);
  }

  /** @throws NotFound */
  async revoke(id: string): Promise<ApiKey> {
    const key = await this.keys.revoke(id, this.now());
    if (!key) throw new NotFound(`There is no API key ${id.slice(0, 100)}.`);
    return key;
  }

  /** @throws Unauthenticated, in the same words whatever is wrong */
  async authenticate(text: string): Promise<KeyHolder> {
    const id = apiKeyId(text);
    const key = id === null ? null : await this.keys.get(id);
    const matches = apiKeyMatches(text, key?.hash ?? NO_KEY);
    const holder = key && matches ? holderOf(key, this.now()) : null;
    if (!key || !holder) throw new Unauthenticated('The API key is not valid, revoked or expired.');
    this.noteUse(key);
    return holder;
  }

  /** Those of these keys that still hold, by their ids. */
  async holding(ids: readonly string[]): Promise<Map<string, KeyHolder>> {
    const now = this.now();
    const holders = (await this.keys.many(ids)).map((key) => holderOf(key, now));
    return new Map(holders.filter((holder) => holder !== null).map((holder) => [holder.id, holder]));
  }

  private noteUse({ _id, lastUsedAt }: ApiKey): void {
    const now = this.now();
    const before = new Date(now.getTime() - USED_EVERY_MS);
    if (lastUsedAt !== null && lastUsedAt > before) return;
    // Nobody waits for it; where it fails, the next use is noted.
    void this.keys.used(_id, now, before).catch(() => undefined);
  }
}

function holderOf(key: ApiKey, now: Date): KeyHolder | null {
  const { _id, name, role, expiresAt, revokedAt } = key;
  if (revokedAt !== null || (expiresAt !== null && expiresAt <= now)) return null;
  return { kind: 'key', id: _id, name: `key ${name} (${keyPrefix(key)})`, role, expiresAt };
}
