import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, type FileHandle, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join, resolve } from 'node:path';
import { pid, platform } from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { Conflict, messageOf, Permanent } from '../domain/errors';
import { askHolder, type HolderAnswer } from './lock-holder';

/** sun_path holds 104 bytes on macOS, 108 on Linux, with the closing zero. */
const MAX_SOCKET_PATH = 103;
const DECIDE_WITHIN_MS = 10_000;

export interface DataDirLock {
  /** Gives the folder free; a second call does nothing. */
  release(): Promise<void>;
}

/**
 * Takes the data folder for this process; makes it (mode 0700) if there is none. Throws Conflict, with the
 * process that holds it, when it is taken.
 *
 * The lock is a listening Unix socket under `lock/`. The kernel closes it when its process dies, however it dies,
 * so no stale lock can refuse a start, and it is seen by every process that sees the folder, in other containers
 * too. Each starter first listens under a name of its own, then asks all others: of two that start at once, at
 * least one sees the other, and the one whose name sorts first goes on. Names are never used twice, so removing
 * a dead one can't hit a living one.
 */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  const folder = join(dataDir, 'lock');
  try {
    await makePrivate(dataDir, folder);
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    if (error instanceof Permanent) throw error;
    throw new Permanent(
      `DATA_DIR ${resolve(dataDir)} can't be used (${messageOf(error)}): set it to a folder that this user may make and write, or set MONGODB_URI, REDIS_URL and TRAILGRAPH_MASTER_KEY, for which it is not needed.`,
    );
  }
  const place = await openPlace(folder);
  const name = randomBytes(4).toString('hex');
  const answer: HolderAnswer = { pid, state: 'starting' };
  const server = createServer((socket) => {
    // A starter that goes away before it has read the answer is its own affair.
    socket.on('error', () => socket.destroy());
    socket.end(JSON.stringify(answer));
  });
  server.unref();
  let released: Promise<void> | undefined;
  const release = () => {
    released ??= closeAll(server, join(folder, name), place.handle);
    return released;
  };
  try {
    server.listen(place.socketPath(name));
    await once(server, 'listening');
    await waitForTurn(dataDir, folder, name, place.socketPath);
    answer.state = 'held';
    return { release };
  } catch (error) {
    await release();
    throw error;
  }
}

/** Returns when no other process holds the folder or has a better claim to it; throws Conflict when one does. */
async function waitForTurn(
  dataDir: string,
  folder: string,
  name: string,
  socketPath: (name: string) => string,
): Promise<void> {
  const until = Date.now() + DECIDE_WITHIN_MS;
  for (;;) {
    const others = (await readdir(folder)).filter((other) => other !== name);
    const answers = await Promise.all(
      others.map(async (other) => ({ other, answer: await askHolder(socketPath(other)) })),
    );
    let waiting = false;
    for (const { other, answer } of answers) {
      if (answer === undefined) {
        await rm(join(folder, other), { force: true });
      } else if (answer.state === 'held' || other < name || Date.now() > until) {
        throw new Conflict(
          `${dataDir} is in use by process ${answer.pid ?? '(of unknown number)'}: only one TrailGraph can run on a ` +
            'data folder. Stop that one, or set DATA_DIR to another folder.',
        );
      } else {
        waiting = true;
      }
    }
    if (!waiting) return;
    await delay(20);
  }
}

/** The folder holds secrets and the database: nobody else may enter. Never closes a folder that others share. */
async function makePrivate(dataDir: string, lockFolder: string): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  if (((await stat(dataDir)).mode & 0o077) === 0) return;
  const entries = await readdir(dataDir);
  if (entries.length > 0 && !entries.some((entry) => join(dataDir, entry) === lockFolder)) {
    throw new Permanent(
      `${dataDir} is open to other users and holds other files: set DATA_DIR to a folder of its own, or close it ` +
        `by: chmod 700 ${dataDir}`,
    );
  }
  await chmod(dataDir, 0o700);
}

interface Place {
  handle: FileHandle | undefined;
  socketPath(name: string): string;
}

/** A socket's path must be short; on Linux a long one goes through the open folder's entry in /proc. */
async function openPlace(folder: string): Promise<Place> {
  if (Buffer.byteLength(join(folder, '00000000')) <= MAX_SOCKET_PATH) {
    return { handle: undefined, socketPath: (name) => join(folder, name) };
  }
  if (platform !== 'linux') {
    throw new Permanent(`the path of DATA_DIR is too long for this system: ${folder}`);
  }
  const handle = await open(folder, 'r');
  return { handle, socketPath: (name) => `/proc/self/fd/${handle.fd}/${name}` };
}

async function closeAll(server: Server, socketFile: string, handle: FileHandle | undefined): Promise<void> {
  if (server.listening) {
    server.close();
    await once(server, 'close');
  }
  await rm(socketFile, { force: true });
  await handle?.close();
}
