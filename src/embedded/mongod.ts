import { once } from 'node:events';
import { connect } from 'node:net';
import { MongoClient, MongoServerError, MongoServerSelectionError } from 'mongodb';
import { Permanent } from '../domain/errors';

export const MONGO_USER = 'trailgraph';

/** Server error codes, from the server's error_codes.yml. */
const UNAUTHORIZED = 13;
const AUTHENTICATION_FAILED = 18;

const ANSWER_WITHIN_MS = 10_000;
/** A busy machine can keep a first connection waiting; a new one is tried sooner than the start given up. */
const SELECT_WITHIN_MS = 3_000;
const LOGIN_TRIES = 10;

/**
 * The arguments of a standalone mongod for one machine: loopback only, with authentication, without its socket in
 * /tmp. Compression gains nothing on loopback, and off it also closes CVE-2025-14847 (memory read before
 * authentication, through zlib) in versions before 6.0.27 and 7.0.28. Without diagnostic data capture (up to 200 MB
 * on disk, read by MongoDB's support only).
 */
export function mongodArgs(options: { dbPath: string; port: number; cacheGb: number }): string[] {
  return [
    ...['--dbpath', options.dbPath],
    ...['--bind_ip', '127.0.0.1', '--port', String(options.port), '--nounixsocket', '--auth'],
    ...['--wiredTigerCacheSizeGB', String(options.cacheGb)],
    ...['--networkMessageCompressors', 'disabled'],
    ...['--setParameter', 'diagnosticDataCollectionEnabled=false'],
    ...['--quiet', '--slowms', '1000'],
  ];
}

/** Resolves when something listens on this port; mongod listens when its journal is read. */
export async function probePort(port: number): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
  } finally {
    socket.destroy();
  }
}

/**
 * Makes the root user, if this data folder has none yet, and raises the folder's feature compatibility version to
 * the server's, so that the next major version can open it in turn. Returns that version, like `7.0`. Throws
 * Permanent when the folder has users and the password is not theirs.
 */
export async function prepareMongod(port: number, password: string): Promise<string> {
  const user = await loginOrCreateUser(port, password);
  try {
    return await raiseFeatureVersion(user);
  } finally {
    await user.close();
  }
}

async function loginOrCreateUser(port: number, password: string): Promise<MongoClient> {
  for (let i = 1; ; i++) {
    try {
      return await login(port, password);
    } catch (error) {
      const mayPass = error instanceof MongoServerSelectionError && i < LOGIN_TRIES;
      if (hasCode(error, AUTHENTICATION_FAILED)) await createUser(port, password);
      else if (!mayPass) throw error;
    }
  }
}

async function login(port: number, password: string): Promise<MongoClient> {
  const client = newClient(port, { auth: { username: MONGO_USER, password }, authSource: 'admin' });
  try {
    await client.db('admin').command({ ping: 1 }, { timeoutMS: ANSWER_WITHIN_MS });
    return client;
  } catch (error) {
    await client.close();
    throw error;
  }
}

/** By the localhost exception: while there is no user, a client on this machine may make the first. */
async function createUser(port: number, password: string): Promise<void> {
  const client = newClient(port, {});
  try {
    await client
      .db('admin')
      .command({ createUser: MONGO_USER, pwd: password, roles: ['root'] }, { timeoutMS: ANSWER_WITHIN_MS });
  } catch (error) {
    if (!hasCode(error, UNAUTHORIZED)) throw error;
    throw new Permanent(
      'the database under DATA_DIR has users already, and mongod.password is not the password of its user ' +
        `${MONGO_USER}: restore that file from a backup, or start with an empty DATA_DIR`,
      { cause: error },
    );
  } finally {
    await client.close();
  }
}

function newClient(port: number, options: object): MongoClient {
  return new MongoClient(`mongodb://127.0.0.1:${port}/`, {
    directConnection: true,
    serverSelectionTimeoutMS: SELECT_WITHIN_MS,
    socketTimeoutMS: ANSWER_WITHIN_MS,
    ...options,
  });
}

async function raiseFeatureVersion(client: MongoClient): Promise<string> {
  const admin = client.db('admin');
  const [build, parameter] = await Promise.all([
    admin.command({ buildInfo: 1 }),
    admin.command({ getParameter: 1, featureCompatibilityVersion: 1 }),
  ]);
  const [major, minor] = String(build.version).split('.').map(Number);
  const wanted = `${major}.${minor}`;
  const present = String(parameter.featureCompatibilityVersion.version);
  if (present !== wanted) {
    // mongod 7.0 and later want to be told that the caller knows there is no way back.
    const confirm = Number(major) >= 7 ? { confirm: true } : {};
    await admin.command({ setFeatureCompatibilityVersion: wanted, ...confirm });
  }
  return wanted;
}

function hasCode(error: unknown, code: number): boolean {
  return error instanceof MongoServerError && error.code === code;
}
