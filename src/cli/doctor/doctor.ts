import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { masterKeyFrom } from '../../auth/secret-box';
import { type Environment, inspectSettings } from '../../config/environment';
import type { Settings } from '../../config/settings';
import { messageOf } from '../../domain/errors';
import { readServerNote } from '../../server-note';
import { connectStore, type StoreConnection } from '../../store/connection';
import type { ValkeyPlace } from '../../valkey/place';
import { valkeyPlace } from '../../valkey-place';
import { NOTE_REMEDY } from '../running-server';
import { type Check, fail, look } from './check';
import {
  checkClock,
  checkDatabaseDisk,
  checkIndexesOf,
  checkMasterKey,
  checkMongodb,
} from './database-checks';
import { checkDataDir, checkGeoData, checkNode, checkSettings } from './local-checks';
import { checkValkey } from './valkey-checks';

export interface DoctorOptions {
  environment: Environment;
  /** Given by option: it names the server, whatever the environment says. */
  dataDir: string | null;
  nodeVersion: string;
  /** This machine's clock, in milliseconds. */
  now: () => number;
}

/** Where the stores are; null where neither the environment nor a running server says so. */
interface Stores {
  mongodbUri: string | null;
  redisUrl: string | null;
  dataDir: string;
}

/** Looks at everything that a server rests on, and changes nothing. Takes some seconds at most where nothing answers. */
export async function examine(options: DoctorOptions): Promise<Check[]> {
  const reading = inspectSettings(options.environment);
  const { settings } = reading;
  const local = [checkNode(options.nodeVersion), ...checkSettings(reading)];
  const [stores, unreadable] = await findStores(options, settings);
  const [database, valkey, geo] = await Promise.all([
    checkDatabase(options, settings, stores),
    stores.redisUrl === null
      ? [nowhere('valkey', 'REDIS_URL', stores)]
      : lookAtValkey(stores.redisUrl, options.dataDir === null ? settings : {}),
    checkGeoData(settings, new Date(options.now())),
  ]);
  return [...local, ...unreadable, ...database, ...valkey, ...geo];
}

async function findStores(
  { dataDir }: DoctorOptions,
  settings: Partial<Settings>,
): Promise<[Stores, Check[]]> {
  const folder = dataDir ?? settings.DATA_DIR ?? './data';
  const named: Partial<Settings> = dataDir === null ? settings : {};
  const found: Check[] = [];
  const note = await readServerNote(folder).catch((error: unknown) => {
    found.push(fail('server', messageOf(error), NOTE_REMEDY));
    return null;
  });
  const stores = {
    dataDir: folder,
    mongodbUri: named.MONGODB_URI ?? note?.mongodbUri ?? null,
    redisUrl: named.REDIS_URL ?? note?.redisUrl ?? null,
  };
  return [stores, found];
}

async function lookAtValkey(url: string, settings: Partial<Settings>): Promise<Check[]> {
  let place: ValkeyPlace;
  try {
    place = valkeyPlace(url, settings);
  } catch (error) {
    return [fail('valkey', messageOf(error), 'Is the file there, and is it PEM?')];
  }
  return checkValkey(place);
}

function nowhere(name: string, setting: string, { dataDir }: Stores): Check {
  return fail(
    name,
    `no server runs on ${dataDir}, and ${setting} is not set`,
    `Start the server with \`npm start\`, name its folder with --data-dir, or set ${setting}.`,
  );
}

async function checkDatabase(
  { now }: DoctorOptions,
  settings: Partial<Settings>,
  stores: Stores,
): Promise<Check[]> {
  const { mongodbUri, dataDir } = stores;
  if (mongodbUri === null) return [nowhere('mongodb', 'MONGODB_URI', stores), await checkDataDir(dataDir)];
  let store: StoreConnection;
  try {
    store = await connectStore(mongodbUri, 0);
  } catch (error) {
    const remedy = 'Is MONGODB_URI right, with its password, and is the server up?';
    const away = fail('mongodb', messageOf(error), remedy);
    return settings.MONGODB_URI === undefined ? [away, await checkDataDir(dataDir)] : [away];
  }
  try {
    const { db } = store;
    return [
      await checkMongodb(db),
      await checkClock(db, now),
      ...(await checkIndexesOf(db, settings.RETENTION_DAYS)),
      await masterKeyCheck(db, settings, dataDir),
      (await checkDatabaseDisk(db)) ?? (await checkDataDir(dataDir)),
    ];
  } finally {
    await store.close();
  }
}

function masterKeyCheck(
  db: StoreConnection['db'],
  settings: Partial<Settings>,
  dataDir: string,
): Promise<Check> {
  const remedy = 'Set TRAILGRAPH_MASTER_KEY to 32 random bytes: `openssl rand -base64 32` makes them.';
  return look('master key', remedy, async () => {
    const file = join(dataDir, 'master.key');
    const text = settings.TRAILGRAPH_MASTER_KEY ?? (await readFile(file, 'utf8').catch(() => null));
    if (text === null)
      return fail('master key', `TRAILGRAPH_MASTER_KEY is not set, and there is no ${file}`, remedy);
    const previous = settings.TRAILGRAPH_PREVIOUS_MASTER_KEY;
    return checkMasterKey(db, masterKeyFrom(text), previous ? masterKeyFrom(previous) : null);
  });
}
