import { buildSchema } from '@typegoose/typegoose';
import type { Collection, Db } from 'mongodb';
import type { Connection } from 'mongoose';
import { Conflict } from '../domain/errors';
import type { User } from '../domain/user';
import { isDuplicateKey, QUERY_MS } from './connection';
import { UserDocument } from './documents/user-document';

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

  constructor(connection: Connection, db: Db) {
    this.model = connection.model('User', buildSchema(UserDocument));
    this.collection = db.collection<User>('users');
    this.meta = db.collection<FirstUserDocument>('meta');
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

  async loggedIn(id: string, at: Date, passwordHash: string | null): Promise<void> {
    await this.collection.updateOne(
      { _id: id },
      { $set: { lastLoginAt: at, ...(passwordHash ? { passwordHash } : {}) } },
    );
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
