import { hkdfSync } from 'node:crypto';
import { Accounts } from './auth/accounts';
import { Passwords } from './auth/passwords';
import { RefreshTokens } from './auth/refresh-tokens';
import { SecretBox } from './auth/secret-box';
import { openAccessTokens } from './auth/signing-keys';
import { StoreClock } from './store/clock';
import { connectStore } from './store/connection';
import { ensureUserIndexes } from './store/indexes';
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
): Promise<Accounts> {
  const secret = Buffer.from(hkdfSync('sha256', masterKey, '', 'trailgraph refresh tokens', 32));
  return new Accounts({
    users,
    sessions,
    passwords: new Passwords(),
    accessTokens: await openAccessTokens(signingKeys, box, now()),
    refreshTokens: new RefreshTokens(secret),
    now,
    ...rules,
  });
}

/** Accounts by themselves, for a tool beside the server. The caller closes them. */
export interface AccountsAlone {
  accounts: Accounts;
  close(): Promise<void>;
}

/**
 * Opens the database for its accounts alone.
 * @throws Unavailable where it does not answer, WrongMasterKey where another key sealed its secrets
 */
export async function openAccountsAlone(mongodbUri: string, masterKey: Buffer): Promise<AccountsAlone> {
  const { connection, db, close } = await connectStore(mongodbUri, 0);
  try {
    await ensureUserIndexes(db);
    const clock = await StoreClock.open(db);
    const ground: AccountsGround = {
      users: new UserStore(connection, db),
      sessions: new SessionStore(db),
      signingKeys: new SigningKeyStore(db),
      box: new SecretBox(masterKey),
      masterKey,
      now: () => clock.now(),
    };
    const accounts = await openAccounts(ground, { signUpOpen: false, setupToken: null });
    return {
      accounts,
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
