import { access, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { masterKeyFrom } from '../../auth/secret-box';
import { Conflict, Invalid, messageOf } from '../../domain/errors';
import { startEmbeddedServers } from '../../embedded/embedded-servers';
import { readOrCreateMasterKey } from '../../embedded/master-key';
import { replacePrivateFile } from '../../embedded/private-file';
import type { Openings } from '../../openings';
import { CommandFailure } from '../failure';
import type { RekeyOptions } from './command';

/** Where the secrets are, and the keys. */
export interface Place {
  mongodbUri: string;
  from: Buffer;
  to: Buffer;
  /** Where the key of embedded servers is kept; null where the environment gives it. */
  keyFile: string | null;
  /** Keeps the new key, once everything is under it. */
  keep: () => Promise<void>;
}

const QUIET = { info: () => undefined, warn: () => undefined };

/**
 * The database that MONGODB_URI names, else the one in DATA_DIR, which is started for as long as this takes.
 * @throws CommandFailure where a key is missing or is none, or the server of that folder runs
 */
export async function findPlace(options: RekeyOptions, openings: Openings): Promise<Place> {
  const { settings } = options;
  const to = await newKey(options);
  const given = settings.TRAILGRAPH_MASTER_KEY;
  if (options.dataDir === null && settings.MONGODB_URI !== undefined) {
    if (given === undefined)
      throw new CommandFailure(
        'TRAILGRAPH_MASTER_KEY must be set to the key that the servers use until now.',
      );
    const from = keyFrom('TRAILGRAPH_MASTER_KEY', given);
    return { mongodbUri: settings.MONGODB_URI, from, to, keyFile: null, keep: async () => undefined };
  }
  const folder = options.dataDir ?? settings.DATA_DIR;
  const keyFile = join(folder, 'master.key');
  if (!(await isThere(keyFile)))
    throw new CommandFailure(
      `No server ever ran on ${folder}: name its folder with --data-dir, or set MONGODB_URI.`,
    );
  const mongodbUri = await startDatabase(options, folder, openings);
  if (given !== undefined) {
    const from = keyFrom('TRAILGRAPH_MASTER_KEY', given);
    return { mongodbUri, from, to, keyFile: null, keep: async () => undefined };
  }
  return {
    mongodbUri,
    from: await readOrCreateMasterKey(folder),
    to,
    keyFile,
    keep: () => replacePrivateFile(keyFile, `${to.toString('base64')}\n`),
  };
}

async function startDatabase(
  { settings, environment }: RekeyOptions,
  folder: string,
  openings: Openings,
): Promise<string> {
  try {
    const servers = await startEmbeddedServers({
      dataDir: folder,
      need: { mongod: true, valkey: false },
      ...(settings.MONGOD_BINARY ? { mongodBinary: settings.MONGOD_BINARY } : {}),
      searchPath: environment.PATH ?? '',
      cacheDir: join(environment.XDG_CACHE_HOME || join(homedir(), '.cache'), 'trailgraph'),
      log: QUIET,
    });
    openings.add(servers.close);
    return servers.mongodbUri!;
  } catch (error) {
    if (error instanceof Conflict) throw new CommandFailure(`Stop the server first: ${error.message}`);
    throw error;
  }
}

async function newKey({ toKeyFile, settings }: RekeyOptions): Promise<Buffer> {
  const given = settings.TRAILGRAPH_NEW_MASTER_KEY;
  if (toKeyFile !== null && given !== undefined)
    throw new CommandFailure('Give the new key once: by --to-key-file or by TRAILGRAPH_NEW_MASTER_KEY.');
  if (given !== undefined) return keyFrom('TRAILGRAPH_NEW_MASTER_KEY', given);
  if (toKeyFile === null) {
    throw new CommandFailure(
      'Give the new key by --to-key-file or TRAILGRAPH_NEW_MASTER_KEY: `openssl rand -base64 32` makes one.',
    );
  }
  try {
    return keyFrom(toKeyFile, await readFile(toKeyFile, 'utf8'));
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    throw new CommandFailure(`${toKeyFile} can't be read: ${messageOf(error)}`);
  }
}

/** @throws CommandFailure, never with the text in it */
function keyFrom(name: string, text: string): Buffer {
  try {
    return masterKeyFrom(text);
  } catch (error) {
    if (error instanceof Invalid) throw new CommandFailure(`${name}: ${error.message}.`);
    throw error;
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
