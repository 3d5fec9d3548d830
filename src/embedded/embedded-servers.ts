import { randomBytes } from 'node:crypto';
import { chmod, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { messageOf } from '../domain/errors';
import { type DataDirLock, lockDataDir } from './data-dir-lock';
import type { EmbeddedLog, ProgramKind } from './embedded-log';
import { findProgram } from './find-program';
import { findFreePort } from './free-port';
import { KeptServer, type ServerPlan } from './kept-server';
import { MONGO_USER, mongodArgs, prepareMongod, probePort } from './mongod';
import { readOrCreatePrivateFile } from './private-file';
import { type ProgramMemory, readProgramMemory, writeProgramMemory } from './program-memory';
import type { Program } from './program-version';
import { probeValkey, writeValkeyConfig } from './valkey-server';

export interface EmbeddedOptions {
  /** Where data, logs and passwords lie; made with mode 0700. */
  dataDir: string;
  /** Which servers to start. */
  need: { mongod: boolean; valkey: boolean };
  /** MONGOD_BINARY: this program or none. */
  mongodBinary?: string | undefined;
  /** VALKEY_BINARY: this program or none. */
  valkeyBinary?: string | undefined;
  /** PATH. */
  searchPath: string;
  /** Where fetched programs are kept, like ~/.cache/trailgraph. */
  cacheDir: string;
  log: EmbeddedLog;
  /** Ends the start, not what has been started. */
  signal?: AbortSignal | undefined;
  /** The lock of `dataDir`, if the caller holds it and will release it; else it is taken and released here. */
  lock?: DataDirLock | undefined;
  /** Environment of pip and of the downloader; without it, that of this process. */
  env?: NodeJS.ProcessEnv | undefined;
  /** Bound of mongod's own cache in GB; 1 unless told. */
  mongodCacheGb?: number | undefined;
  /** Bound of Valkey's memory in MB; 256 unless told. */
  valkeyMemoryMb?: number | undefined;
}

/** The servers as they run. The owner closes them. */
export interface EmbeddedServers {
  /** With user and password; not for logs. */
  mongodbUri?: string;
  /** With password; not for logs. */
  redisUrl?: string;
  /** Stops the servers, cleanly, and gives the data folder free. A second call returns the first one's promise. */
  close(): Promise<void>;
}

interface Started {
  server: KeptServer;
  uri: string;
  program: Program;
  featureVersion?: string;
}

/** mongod writes a checkpoint when it is told to stop. */
const MONGOD_GRACE_MS = 20_000;
const VALKEY_GRACE_MS = 3_000;
/** A port can be taken between the look and the start. */
const PORT_TRIES = 3;

/**
 * Starts the servers that are needed, on loopback, on free ports, with generated passwords, and returns when they
 * take work. They are started again when they die, on the same port with the same password, and end with this
 * process however it ends. Throws Conflict when another process uses the data folder, and what `findProgram` throws.
 */
export async function startEmbeddedServers(options: EmbeddedOptions): Promise<EmbeddedServers> {
  const dataDir = resolve(options.dataDir);
  const ownLock = options.lock === undefined ? await lockDataDir(dataDir) : undefined;
  const fault = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, fault.signal]) : fault.signal;
  const started: Started[] = [];
  const close = async () => {
    const ends = await Promise.allSettled(started.map(({ server }) => server.close()));
    await ownLock?.release();
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  };
  try {
    const memory = await readProgramMemory(dataDir);
    const starting = (['mongod', 'valkey'] as const)
      .filter((kind) => options.need[kind])
      .map(async (kind) => {
        const one = await startOne(kind, { ...options, dataDir, signal }, memory);
        started.push(one);
        return [kind, one] as const;
      });
    // One that fails ends the other's start; both have come to their end before anything is cleaned up.
    for (const one of starting) one.catch((error: unknown) => fault.abort(error));
    await Promise.allSettled(starting);
    signal.throwIfAborted();
    const servers = Object.fromEntries(await Promise.all(starting));
    await writeProgramMemory(dataDir, { ...memory, ...rememberAll(servers) });
    return { ...urisOf(servers), close: once(close) };
  } catch (error) {
    await close();
    throw error;
  }
}

type ByKind = Partial<Record<ProgramKind, Started>>;

function urisOf(servers: ByKind): { mongodbUri?: string; redisUrl?: string } {
  return {
    ...(servers.mongod && { mongodbUri: servers.mongod.uri }),
    ...(servers.valkey && { redisUrl: servers.valkey.uri }),
  };
}

function rememberAll(servers: ByKind): ProgramMemory {
  const entries = Object.entries(servers).map(([kind, { program, featureVersion }]) => [
    kind,
    { path: program.path, version: program.version, featureVersion },
  ]);
  return Object.fromEntries(entries);
}

type Options = EmbeddedOptions & { signal: AbortSignal };

async function startOne(kind: ProgramKind, options: Options, memory: ProgramMemory): Promise<Started> {
  const { log, signal } = options;
  const given = kind === 'mongod' ? options.mongodBinary : options.valkeyBinary;
  const program = await findProgram({ ...options, kind, given, last: memory[kind] });
  const before = performance.now();
  const start = kind === 'mongod' ? startMongod : startValkey;
  const started = await onFreePort(signal, (port) => start(program, port, options));
  const ms = Math.round(performance.now() - before);
  log.info({ server: kind, version: program.version, program: program.path, ms }, 'embedded server runs');
  const data = memory[kind]?.featureVersion;
  if (data !== started.featureVersion && data !== undefined) {
    log.info(
      { from: data, to: started.featureVersion },
      'data raised to a new mongod; an older one can not open it now',
    );
  }
  return started;
}

async function startMongod(program: Program, port: number, options: Options): Promise<Started> {
  const folders = await makeFolders(options.dataDir, 'mongo');
  const password = await generatedPassword(join(options.dataDir, 'mongod.password'));
  const plan: ServerPlan = {
    kind: 'mongod',
    program: program.path,
    args: mongodArgs({ dbPath: folders.data, port, cacheGb: options.mongodCacheGb ?? 1 }),
    cwd: folders.data,
    logFile: join(folders.logs, 'mongod.log'),
    noteFile: join(options.dataDir, 'mongod.pid.json'),
    graceMs: MONGOD_GRACE_MS,
    probe: () => probePort(port),
  };
  const server = await KeptServer.start(plan, options.log, options.signal);
  try {
    const featureVersion = await prepareMongod(port, password);
    const uri = `mongodb://${MONGO_USER}:${password}@127.0.0.1:${port}/trailgraph?authSource=admin`;
    return { server, uri, program, featureVersion };
  } catch (error) {
    await server.close();
    throw error;
  }
}

async function startValkey(program: Program, port: number, options: Options): Promise<Started> {
  const folders = await makeFolders(options.dataDir, 'valkey');
  const password = newPassword();
  const config = join(folders.data, 'valkey.conf');
  await writeValkeyConfig(config, { port, password, maxMemoryMb: options.valkeyMemoryMb ?? 256 });
  const plan: ServerPlan = {
    kind: 'valkey',
    program: program.path,
    args: [config],
    cwd: folders.data,
    logFile: join(folders.logs, 'valkey.log'),
    noteFile: join(options.dataDir, 'valkey.pid.json'),
    graceMs: VALKEY_GRACE_MS,
    probe: () => probeValkey(port, password),
  };
  const server = await KeptServer.start(plan, options.log, options.signal);
  return { server, uri: `redis://:${password}@127.0.0.1:${port}/0`, program };
}

async function makeFolders(dataDir: string, name: string): Promise<{ data: string; logs: string }> {
  const folders = { data: join(dataDir, name), logs: join(dataDir, 'logs') };
  for (const folder of Object.values(folders)) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
  }
  return folders;
}

async function onFreePort<T>(signal: AbortSignal, start: (port: number) => Promise<T>): Promise<T> {
  for (let i = 1; ; i++) {
    try {
      return await start(await findFreePort());
    } catch (error) {
      const taken = /address already in use/i.test(messageOf(error, 10_000));
      if (!taken || i === PORT_TRIES || signal.aborted) throw error;
    }
  }
}

/** Letters, digits, - and _: as they are in a URI, in a configuration file and in an inline command. */
function newPassword(): string {
  return randomBytes(24).toString('base64url');
}

async function generatedPassword(file: string): Promise<string> {
  return (await readOrCreatePrivateFile(file, () => `${newPassword()}\n`)).trim();
}

function once(run: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= run();
    return done;
  };
}
