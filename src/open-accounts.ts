import { hkdfSync } from 'node:crypto';
import { Accounts } from './auth/accounts';
import { AuditTrail } from './auth/audit-trail';
import { Passwords } from './auth/passwords';
import { RefreshTokens } from './auth/refresh-tokens';
import { SecretBox } from './auth/secret-box';
import { SigningKeyRing } from './auth/signing-keys';
import { UserAdmin } from './auth/user-admin';
import { codeOf } from './graphql/errors';
import type { Logger } from './observe/logger';
import { AuditStore } from './store/audit';
import { StoreClock } from './store/clock';
import { connectStore } from './store/connection';
import { ensureUserIndexes } from './store/indexes';
import { requireNoNewer } from './store/migrations/migrator';
import { SessionStore } from './store/sessions';
import { SigningKeyStore } from './store/signing-keys';
import { UserStore } from './store/users';

/** What accounts rest on. */
export interface AccountsGround {
  users: UserStore;
  sessions: SessionStore;
  signingKeys: SigningKeyStore;
  box: SecretBox;
  masterKey: Buffer;
  now: () => Date;
}

export interface AccountsRules {
  /** Whether anybody may sign up after the first user. */
  signUpOpen: boolean;
  /** What the first sign-up must show; null where it needs nothing. */
  setupToken: string | null;
}

/** Makes accounts over stores that are open. @throws WrongMasterKey where another key sealed the signing keys */
export async function openAccounts(
  { users, sessions, signingKeys, box, masterKey, now }: AccountsGround,
  rules: AccountsRules,
): Promise<{ accounts: Accounts; admin: UserAdmin; ring: SigningKeyRing }> {
  const secret = Buffer.from(hkdfSync('sha256', masterKey, '', 'trailgraph refresh tokens', 32));
  const passwords = new Passwords();
  const ring = await SigningKeyRing.open({ keys: signingKeys, box, now });
  const accounts = new Accounts({
    users,
    sessions,
    passwords,
    accessTokens: ring,
    refreshTokens: new RefreshTokens(secret),
    now,
    ...rules,
  });
  return { accounts, admin: new UserAdmin({ users, sessions, passwords, now }), ring };
}

/** Accounts by themselves, for a tool beside the server. The caller closes them. */
export interface AccountsAlone {
  accounts: Accounts;
  admin: UserAdmin;
  users: UserStore;
  audit: AuditTrail;
  close(): Promise<void>;
}

/**
 * Opens the database for its accounts alone.
 * @throws Unavailable where it does not answer, Conflict where a newer version has used it, WrongMasterKey where
 *   another key sealed its secrets
 */
export async function openAccountsAlone(
  mongodbUri: string,
  masterKey: Buffer,
  log: Pick<Logger, 'error' | 'warn'>,
): Promise<AccountsAlone> {
  const { connection, db, close } = await connectStore(mongodbUri, 0);
  try {
    await requireNoNewer(db);
    await ensureUserIndexes(db);
    const clock = await StoreClock.open(db);
    const users = new UserStore(connection, db);
    const ground: AccountsGround = {
      users,
      sessions: new SessionStore(db),
      signingKeys: new SigningKeyStore(db),
      box: new SecretBox(masterKey),
      masterKey,
      now: () => clock.now(),
    };
    const { accounts, admin } = await openAccounts(ground, { signUpOpen: false, setupToken: null });
    return {
      accounts,
      admin,
      users,
      audit: new AuditTrail({ entries: new AuditStore(db), codeOf, now: ground.now, log }),
      close: async () => {
        clock.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
