import { join } from 'node:path';
import { Redis } from 'ioredis';
import { probeValkey, writeValkeyConfig } from '../../src/embedded/valkey-server';
import { groundFor, OwnServer } from './own-server';

const PASSWORD = 'a-valkey-of-its-own';

/** A valkey-server on a port of its own that keeps nothing: ended, it comes back empty. */
export class OwnValkey extends OwnServer {
  private clients: Redis[] = [];

  /** Finds the program and a port; does not start it. */
  static async prepare(): Promise<OwnValkey> {
    return new OwnValkey(await groundFor('valkey'));
  }

  get url(): string {
    return `redis://:${PASSWORD}@127.0.0.1:${this.port}/0`;
  }

  /** Returns when it takes commands. @param args beside its configuration file */
  async start(args: string[] = []): Promise<void> {
    const config = join(this.ground.folder, 'valkey.conf');
    await writeValkeyConfig(config, { port: this.port, password: PASSWORD, maxMemoryMb: 64 });
    await this.run([config, ...args], async () => {
      await probeValkey(this.port, PASSWORD);
      return true;
    });
  }

  /** A client of the test's, closed with the server. */
  client(): Redis {
    const client = new Redis(this.url, { maxRetriesPerRequest: 3, connectionName: 'the-test' });
    client.on('error', () => undefined); // Its commands tell.
    this.clients.push(client);
    return client;
  }

  override async close(): Promise<void> {
    for (const client of this.clients) client.disconnect();
    await super.close();
  }
}
