import type { User } from '../domain/user';
import type { Accounts } from './accounts';
import type { ApiKeyRing } from './api-key-ring';
import { apiKeyId } from './api-keys';
import { asPerson, type Caller } from './caller';

/** What is needed to ask for many callers at once. */
export interface CallersParts {
  accounts: Pick<Accounts, 'authenticate'>;
  keys: Pick<ApiKeyRing, 'authenticate' | 'holding'>;
  sessions: { live(ids: readonly string[]): Promise<Set<string>> };
  users: { many(ids: readonly string[]): Promise<User[]> };
  now: () => Date;
}

/** As many ids in one query. */
const AT_ONCE = 1_000;

/** The one place that says who somebody is, by an access token or an API key. */
export class Callers {
  constructor(private readonly parts: CallersParts) {}

  /** @param token what stands behind `Bearer`. @throws Unauthenticated */
  authenticate(token: string): Promise<Caller> {
    const { keys, accounts } = this.parts;
    return apiKeyId(token) === null ? accounts.authenticate(token) : keys.authenticate(token);
  }

  /**
   * Whether these callers still hold, in a few queries for all of them.
   * @returns for each in its place who it is by now (the role may be another one); null where it does not hold any more
   */
  async recheck(callers: readonly Caller[]): Promise<(Caller | null)[]> {
    const { sessions, users, keys, now } = this.parts;
    const people = callers.filter((caller) => caller.kind === 'person');
    const keyIds = callers.filter(({ kind }) => kind === 'key').map(({ id }) => id);
    const live = new Set<string>();
    const known = new Map<string, User>();
    const holding = new Map<string, Caller>();
    for (const ids of parts(people.map(({ sessionId }) => sessionId)))
      for (const id of await sessions.live(ids)) live.add(id);
    for (const ids of parts(people.map(({ id }) => id)))
      for (const user of await users.many(ids)) known.set(user._id, user);
    for (const ids of parts(keyIds)) for (const [id, key] of await keys.holding(ids)) holding.set(id, key);
    const at = now();
    return callers.map((caller) => {
      if (caller.kind === 'key') return holding.get(caller.id) ?? null;
      const user = known.get(caller.id);
      if (!user || user.disabled || !live.has(caller.sessionId) || caller.expiresAt <= at) return null;
      return asPerson(user, caller);
    });
  }
}

function parts(ids: string[]): string[][] {
  const all = [...new Set(ids)];
  return Array.from({ length: Math.ceil(all.length / AT_ONCE) }, (_, n) =>
    all.slice(n * AT_ONCE, (n + 1) * AT_ONCE),
  );
}
