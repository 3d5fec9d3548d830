import type { Role, User } from '../domain/user';

interface AnyCaller {
  /** Of the user, or of the key. */
  id: string;
  /** How the audit log names it: an e-mail address, or `key <name> (tg_<id>)`. */
  name: string;
  role: Role;
}

/** Somebody who signed in. */
export interface Person extends AnyCaller {
  kind: 'person';
  sessionId: string;
  /** When the access token runs out. */
  expiresAt: Date;
}

/** A program with an API key. */
export interface KeyHolder extends AnyCaller {
  kind: 'key';
  /** When the key runs out; null where it does not. */
  expiresAt: Date | null;
}

/** Who calls, as what was shown says and the database confirms. */
export type Caller = Person | KeyHolder;

/** A user by a session of his. */
export function asPerson(user: User, session: Pick<Person, 'sessionId' | 'expiresAt'>): Person {
  const { sessionId, expiresAt } = session;
  return { kind: 'person', id: user._id, name: user.email, role: user.role, sessionId, expiresAt };
}
