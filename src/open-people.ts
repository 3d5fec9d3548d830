import type { Accounts } from './auth/accounts';
import { ApiKeyRing } from './auth/api-key-ring';
import { AuditTrail } from './auth/audit-trail';
import { CallerCache } from './auth/caller-cache';
import { Callers } from './auth/callers';
import { SignInDoor } from './auth/sign-in-door';
import type { UserAdmin } from './auth/user-admin';
import type { Core } from './core';
import { messageOf } from './domain/errors';
import { codeOf } from './graphql/errors';
import { type AccountsRules, openAccounts } from './open-accounts';
import { AttemptLimit } from './valkey/attempt-limit';

/** What the API knows of people and keys. */
export interface People {
  accounts: Accounts;
  admin: UserAdmin;
  keys: ApiKeyRing;
  /** Accounts for callers whom nobody knows yet. */
  door: SignInDoor;
  callers: Callers;
  /** Remembers callers for a second. */
  cache: CallerCache;
  audit: AuditTrail;
  close(): void;
}

/** @throws WrongMasterKey where another key sealed the signing keys */
export async function openPeople(core: Core, rules: AccountsRules): Promise<People> {
  const { users, sessions, signingKeys, box, now, settings, valkey, log } = core;
  const ground = { users, sessions, signingKeys, box, now, masterKey: core.options.masterKey };
  const { accounts, admin, ring } = await openAccounts(ground, rules);
  ring.start((error) => log.warn({ error: messageOf(error) }, 'signing keys are looked for again later'));
  const keys = new ApiKeyRing(core.apiKeys, now);
  const callers = new Callers({ accounts, keys, sessions, users, now });
  return {
    accounts,
    admin,
    keys,
    callers,
    cache: new CallerCache(callers),
    door: new SignInDoor(accounts, new AttemptLimit({ valkey, prefix: settings.TRAILGRAPH_PREFIX })),
    audit: new AuditTrail({ entries: core.auditEntries, codeOf, now, log }),
    close: () => ring.close(),
  };
}
