import { createRequire } from 'node:module';

/** Where the queue lies. */
export interface HintAddress {
  host: string;
  port: number;
  username?: string;
  password?: string;
  db: number;
  tls: boolean;
}

/** A connection by node_redis, which Bee-Queue brings along; it connects again by itself. */
export interface HintClient {
  on(event: 'ready' | 'error', listener: (error: Error) => void): void;
  ping(done: (error: Error | null) => void): void;
  /** Ends it at once and for good. */
  end(flush: boolean): void;
  duplicate(): HintClient;
}

/** What node_redis does with the commands that it was given while it had no connection. */
interface Offline {
  offline_queue: { length: number; shift(): unknown };
  internal_send_command(command: unknown): void;
  drain(): void;
  send_offline_queue(): void;
}

type CreateClient = (options: object) => HintClient & Offline;

/**
 * The connections of one queue: one for commands, and where jobs are taken one to wait on. Bee-Queue would open them
 * itself, and then lose those that never became ready: each would go on connecting for ever, and an error that it
 * meets would end the process, since nobody listens.
 */
export class HintConnections {
  readonly commands: HintClient;
  private readonly all: HintClient[] = [];

  constructor(
    private readonly address: HintAddress,
    private readonly onError: (error: Error) => void,
  ) {
    this.commands = this.open();
    this.commands.duplicate = () => this.open(); // So does Bee-Queue ask for the one to wait on.
  }

  end(): void {
    for (const client of this.all) client.end(true);
  }

  private open(): HintClient {
    const { host, port, db, username, password, tls } = this.address;
    const { createClient } = createRequire(require.resolve('bee-queue'))('redis') as {
      createClient: CreateClient;
    };
    const client = createClient({
      host,
      port,
      db,
      ...(password ? { password } : {}),
      ...(username ? { user: username } : {}),
      ...(tls ? { tls: {} } : {}),
      retry_strategy: ({ attempt }: { attempt: number }) => Math.min(100 * attempt, 1_000),
      socket_initial_delay: 5_000,
    });
    client.on('error', this.onError);
    client.send_offline_queue = sendOnce;
    this.all.push(client);
    return client;
  }
}

/**
 * Sends each command that waits once. node_redis itself goes on until none waits; where the socket breaks as it becomes
 * ready, each goes back to those that wait, and that loop never ends.
 */
function sendOnce(this: Offline): void {
  for (let left = this.offline_queue.length; left > 0; left--)
    this.internal_send_command(this.offline_queue.shift());
  this.drain();
}
