import type { Collection, Db, Filter } from 'mongodb';
import { Conflict, NotFound } from '../domain/errors';
import type { Role, User } from '../domain/user';
import { isDuplicateKey, QUERY_MS } from './connection';

/** What an administrator changes of a user. */
export type UserChange = { role?: Role; disabled?: boolean } | 'delete';

/** A change that was decided on and may not be made yet. */
interface Intent {
  userId: string;
  change: UserChange;
}

interface AdminChanges {
  _id: 'adminChanges';
  version: number;
  intent: Intent | null;
}

const MAX_TRIES = 20;
const ACTIVE_ADMIN = { role: 'ADMIN', disabled: false } as const;

/**
 * Changes of users that leave an active ADMIN, whoever asks at the same time, on a database without transactions.
 *
 * A change by which an account ceases to be an active ADMIN is first decided, then made. It is decided by one document:
 * whoever finds that another ADMIN stays writes his intent there, by the version that he read before he looked. Nobody
 * decides anything while an intent stands; whoever finds one, left behind by a process that died, makes that change
 * himself. The user's document keeps the version of the change, so that making it late or twice does nothing.
 */
export class UserChanges {
  private readonly users: Collection<User>;
  private readonly meta: Collection<AdminChanges>;

  constructor(db: Db) {
    this.users = db.collection<User>('users');
    this.meta = db.collection<AdminChanges>('meta');
  }

  /**
   * @returns the user as it is after the change, or was before it was deleted
   * @throws NotFound; Conflict where no active ADMIN would be left, or others change users without an end
   */
  async make(id: string, change: UserChange): Promise<User> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const user = await this.users.findOne({ _id: id }, { maxTimeMS: QUERY_MS });
      if (!user) throw new NotFound(`There is no user ${id.slice(0, 100)}.`);
      const changed = endsAdmin(user, change)
        ? await this.endAdmin(user, change)
        : await this.changeUnlessMoved(user, change);
      if (changed) return changed;
    }
    throw new Conflict('Others change users at this moment: try again.');
  }

  /** By what was seen, so that it can't end an ADMIN who was made one meanwhile. @returns null to look again */
  private changeUnlessMoved({ _id, role, disabled }: User, change: UserChange): Promise<User | null> {
    const seen = { _id, role, disabled };
    if (change === 'delete') return this.users.findOneAndDelete(seen, { maxTimeMS: QUERY_MS });
    const options = { returnDocument: 'after', maxTimeMS: QUERY_MS } as const;
    if (Object.keys(change).length === 0) return this.users.findOne(seen, { maxTimeMS: QUERY_MS });
    return this.users.findOneAndUpdate(seen, { $set: change }, options);
  }

  /** @returns null to look again */
  private async endAdmin(user: User, change: UserChange): Promise<User | null> {
    const version = await this.settled();
    const others = { ...ACTIVE_ADMIN, _id: { $ne: user._id } };
    if ((await this.users.countDocuments(others, { limit: 1, maxTimeMS: QUERY_MS })) === 0) {
      throw new Conflict('This is the last active ADMIN: make somebody else an ADMIN first.');
    }
    const intent = { userId: user._id, change };
    const decided = await this.meta.updateOne(
      { _id: 'adminChanges', version, intent: null },
      { $set: { version: version + 1, intent } },
    );
    if (decided.matchedCount === 0) return null;
    await this.fulfil(version + 1, intent);
    if (change === 'delete') return user;
    return (await this.users.findOne({ _id: user._id }, { maxTimeMS: QUERY_MS })) ?? user;
  }

  /** Makes the change that was left to be made, if there is one. @returns the version that nothing is left of */
  private async settled(): Promise<number> {
    const read = (): Promise<AdminChanges | null> =>
      this.meta.findOne({ _id: 'adminChanges' }, { maxTimeMS: QUERY_MS });
    let state = await read();
    if (!state) {
      await this.meta.insertOne({ _id: 'adminChanges', version: 0, intent: null }).catch((error: unknown) => {
        if (!isDuplicateKey(error)) throw error;
      });
      state = await read();
    }
    if (!state) throw new Error('the document of changes of administrators is gone');
    if (state.intent) await this.fulfil(state.version, state.intent);
    return state.version;
  }

  private async fulfil(version: number, { userId, change }: Intent): Promise<void> {
    const notYet: Filter<User> = { _id: userId, adminChange: { $not: { $gte: version } } };
    if (change === 'delete') await this.users.deleteOne(notYet);
    else await this.users.updateOne(notYet, { $set: { ...change, adminChange: version } });
    await this.meta.updateOne({ _id: 'adminChanges', version }, { $set: { intent: null } });
  }
}

function endsAdmin({ role, disabled }: User, change: UserChange): boolean {
  if (role !== 'ADMIN' || disabled) return false;
  if (change === 'delete') return true;
  return change.disabled === true || (change.role !== undefined && change.role !== 'ADMIN');
}
