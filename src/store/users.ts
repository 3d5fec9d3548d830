import { buildSchema } from '@typegoose/typegoose';
import type { Collection, Db } from 'mongodb';
import type { Connection } from 'mongoose';
import type { PageKey } from '../domain/cursor';
import { Conflict } from '../domain/errors';
import type { User } from '../domain/user';
import { isDuplicateKey, QUERY_MS } from './connection';
import { UserDocument } from './documents/user-document';
import { type Page, type PageRequest, readPage } from './page';
import { type UserChange, UserChanges } from './user-changes';

interface FirstUserDocument {
  _id: 'firstUser';
  userId: string;
  done: boolean;
}

/** People. E-mail addresses are unique. */
export class UserStore {
  private readonly model;
  private readonly collection: Collection<User>;
  private readonly meta: Collection<FirstUserDocument>;
  private readonly changes: UserChanges;

  constructor(connection: Connection, db: Db) {
    this.model = connection.model('User', buildSchema(UserDocument));
    this.collection = db.collection<User>('users');
    this.meta = db.collection<FirstUserDocument>('meta');
    this.changes = new UserChanges(db);
  }

  byEmail(email: string): Promise<User | null> {
    return this.collection.findOne({ email }, { maxTimeMS: QUERY_MS });
  }

  get(id: string): Promise<User | null> {
    return this.collection.findOne({ _id: id }, { maxTimeMS: QUERY_MS });
  }

  /** @throws Conflict where the e-mail address, or the id, is taken */
  async insert(user: User): Promise<void> {
    try {
      await this.model.create(user);
    } catch (error) {
      if (isDuplicateKey(error))
        throw new Conflict('This e-mail address is taken: log in, or use another one.');
      throw error;
    }
  }

  async loggedIn(id: string, at: Date): Promise<void> {
    await this.collection.updateOne({ _id: id }, { $set: { lastLoginAt: at } });
  }

  /**
   * Sets another hash of a password.
   * @param from the hash that the caller saw, so that of two changes at once one is told so; null: whatever stands there
   * @returns false where the user is gone, or the hash is another one by now
   */
  async setPassword(id: string, from: string | null, to: string): Promise<boolean> {
    const seen = from === null ? {} : { passwordHash: from };
    const result = await this.collection.updateOne({ _id: id, ...seen }, { $set: { passwordHash: to } });
    return result.matchedCount === 1;
  }

  async many(ids: readonly string[]): Promise<User[]> {
    return this.collection.find({ _id: { $in: [...ids] } }, { maxTimeMS: QUERY_MS }).toArray();
  }

  /** Users, oldest first. */
  page(page: PageRequest): Promise<Page<User>> {
    return readPage(
      this.collection,
      {},
      {
        field: 'createdAt',
        descending: false,
        page,
        keyOf: (user): PageKey => ({ value: user.createdAt.getTime(), id: user._id }),
        sortValueOf: (key) => new Date(Number(key.value)),
      },
    );
  }

  count(): Promise<number> {
    return this.collection.countDocuments({}, { maxTimeMS: QUERY_MS });
  }

  /** @throws NotFound, Conflict (store/user-changes.ts) */
  change(id: string, change: UserChange): Promise<User> {
    return this.changes.make(id, change);
  }

  /**
   * The id that the first user has or will have, decided once and for ever by one document.
   * @param candidate taken where none is decided yet
   */
  async firstUser(candidate: string): Promise<{ userId: string; done: boolean }> {
    try {
      await this.meta.insertOne({ _id: 'firstUser', userId: candidate, done: false });
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
    }
    const decided = await this.meta.findOne({ _id: 'firstUser' }, { maxTimeMS: QUERY_MS });
    if (!decided) throw new Error('the document of the first user is gone');
    return decided;
  }

  async firstUserDone(): Promise<void> {
    await this.meta.updateOne({ _id: 'firstUser' }, { $set: { done: true } });
  }

  /** Whether somebody has signed up, ever. */
  async hasFirstUser(): Promise<boolean> {
    return (await this.meta.findOne({ _id: 'firstUser' }, { maxTimeMS: QUERY_MS }))?.done === true;
  }
}
