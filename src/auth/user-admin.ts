import { Invalid, NotFound } from '../domain/errors';
import { normalEmail, type Role, type User } from '../domain/user';
import { type Passwords, passwordFault } from './passwords';

/** What the administration of users needs of their store. */
export interface AdministeredUsers {
  byEmail(email: string): Promise<User | null>;
  get(id: string): Promise<User | null>;
  change(id: string, change: { role?: Role; disabled?: boolean } | 'delete'): Promise<User>;
  setPassword(id: string, from: string | null, to: string): Promise<boolean>;
}

export interface UserAdminParts {
  users: AdministeredUsers;
  sessions: { revokeOf(userId: string, now: Date, but?: string | null): Promise<void> };
  passwords: Passwords;
  now: () => Date;
}

/** What administrators do with accounts. At every moment an active ADMIN is left. */
export class UserAdmin {
  constructor(private readonly parts: UserAdminParts) {}

  /**
   * Changes role and state; a user who is disabled is signed out everywhere.
   * @throws NotFound; Conflict where no active ADMIN would be left
   */
  async update(id: string, change: { role?: Role; disabled?: boolean }): Promise<User> {
    const user = await this.parts.users.change(id, change);
    if (user.disabled) await this.signOut(id);
    return user;
  }

  /** @throws NotFound; Conflict where no active ADMIN would be left */
  async delete(id: string): Promise<User> {
    const user = await this.parts.users.change(id, 'delete');
    await this.signOut(id);
    return user;
  }

  /** For an operator whose user lost the password: sets another one and ends all sessions. @throws Invalid, NotFound */
  async resetPassword(id: string, password: string): Promise<void> {
    const fault = passwordFault(password);
    if (fault) throw new Invalid(`${fault}.`, [{ path: ['password'], message: fault }]);
    const hash = await this.parts.passwords.hash(password);
    if (!(await this.parts.users.setPassword(id, null, hash))) throw new NotFound('There is no such user.');
    await this.signOut(id);
  }

  /** @throws NotFound */
  async byEmail(text: string): Promise<User> {
    const email = normalEmail(text);
    const user = email === null ? null : await this.parts.users.byEmail(email);
    if (!user) throw new NotFound(`There is no user ${text.slice(0, 254)}.`);
    return user;
  }

  private async signOut(id: string): Promise<void> {
    await this.parts.sessions.revokeOf(id, this.parts.now());
  }
}
