import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { mongodArgs } from '../../src/embedded/mongod';
import { type Ground, groundFor, OwnServer } from './own-server';

const CACHE_GB = 0.5;
const ANSWER_MS = 1_000;

/** A mongod on a port of its own, without users, that keeps its data until it is closed. */
export class OwnMongod extends OwnServer {
  private constructor(
    ground: Ground,
    private readonly dbPath: string,
  ) {
    super(ground);
  }

  /** Finds the program and a port; does not start it. @param dbPath where its data is kept, if not in a new folder */
  static async prepare(dbPath?: string): Promise<OwnMongod> {
    const ground = await groundFor('mongod');
    const path = dbPath ?? join(ground.folder, 'db');
    await mkdir(path, { recursive: true });
    return new OwnMongod(ground, path);
  }

  get uri(): string {
    return `mongodb://127.0.0.1:${this.port}/trailgraph?directConnection=true`;
  }

  /** Returns when it answers. @throws with its last words where it ends instead */
  async start(): Promise<void> {
    const args = mongodArgs({ dbPath: this.dbPath, port: this.port, cacheGb: CACHE_GB });
    await this.run(
      args.filter((arg) => arg !== '--auth'),
      () => this.answers(),
    );
  }

  private async answers(): Promise<boolean> {
    const client = new MongoClient(this.uri, { serverSelectionTimeoutMS: ANSWER_MS });
    try {
      await client.db().command({ ping: 1 }, { timeoutMS: ANSWER_MS });
      return true;
    } finally {
      await client.close();
    }
  }
}
