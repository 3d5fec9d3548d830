import { createRequire } from 'node:module';
import { isIP } from 'node:net';

/** Where the queue lies. */
export interface HintAddress {
  host: string;
  port: number;
  username?: string;
  password?: string;
  db: number;
  /** Of Node's TLS; null: plain. */
  tls: object | null;
}

/** Tells at which server the queue lies now, where that may change: under Sentinel. */
export type LocateMaster = () => Promise<{ host: string; port: number }>;

/** A connection by node_redis, which Bee-Queue brings along; it connects again by itself. */
export interface HintClient {
  on(event: 'ready' | 'error', listener: (error: Error) => void): void;
  ping(done: (error: Error | null) => void): void;
  /** @param done with the role first: `master` or `slave` */
  role(done: (error: Error | null, role?: unknown) => void): void;
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

/** What node_redis reads at each connect. */
interface Connecting {
  connection_options: { host: string; port: number; family: number };
  stream: { destroy(): void; on(event: 'error', listener: () => void): void };
  create_stream(): void;
}

type NodeRedisClient = HintClient & Offline & Connecting;
type CreateClient = (options: object) => NodeRedisClient;

/** The wait before another try grows by so much with each. */
const RETRY_STEP_MS = 100;

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
    /** node_redis knows nothing of Sentinels: it is told where to connect to. Null where the address stays. */
    private readonly locate: LocateMaster | null = null,
  ) {
    this.commands = this.open();
    this.commands.duplicate = () => this.open(); // So does Bee-Queue ask for the one to wait on.
  }

  /** Whether the server answers and may be written to. @param done is not called where it does not answer */
  check(done: (error: Error | null) => void): void {
    if (this.locate) this.commands.role((error, role) => done(error ?? notMaster(role)));
    else this.commands.ping(done);
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
      ...(tls ? { tls } : {}),
      retry_strategy: ({ attempt }: { attempt: number }) => {
        this.follow(client);
        return Math.min(RETRY_STEP_MS * attempt, 1_000);
      },
      socket_initial_delay: 5_000,
    });
    client.on('error', this.onError);
    client.send_offline_queue = sendOnce;
    keepLateFaults(client);
    if (this.locate) client.on('ready', () => this.leaveReplica(client));
    this.all.push(client);
    return client;
  }

  /** Has the next try go to whoever is master by then; a look-up takes a few milliseconds, the wait is longer. */
  private follow(client: NodeRedisClient): void {
    this.locate?.().then(
      ({ host, port }) => Object.assign(client.connection_options, { host, port, family: isIP(host) || 4 }),
      (error: Error) => this.onError(error),
    );
  }

  /** In the seconds of a failover a Sentinel may still name the old master. */
  private leaveReplica(client: NodeRedisClient): void {
    client.role((error, role) => {
      if (!error && notMaster(role)) client.stream.destroy(); // It connects again, after another look-up.
    });
  }
}

function notMaster(role: unknown): Error | null {
  return Array.isArray(role) && role[0] === 'master' ? null : new Error('the server is no master');
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

/**
 * node_redis takes its listeners from the socket that it leaves. One whose TLS failed may tell of it once more, and an
 * error that nobody listens to ends the process.
 */
function keepLateFaults(client: NodeRedisClient): void {
  const createStream = client.create_stream.bind(client);
  client.create_stream = () => {
    const left = client.stream;
    createStream();
    left.on('error', () => undefined); // It told the first.
  };
}
