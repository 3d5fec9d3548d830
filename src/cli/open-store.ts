import type { CommandSettings } from '../config/settings';
import { Conflict, messageOf, Unavailable } from '../domain/errors';
import { connectStore, type StoreConnection } from '../store/connection';
import { requireNoNewer } from '../store/migrations/migrator';
import { CommandFailure } from './failure';
import { noteIn } from './running-server';

/** Where a database is. */
export interface FoundDatabase {
  mongodbUri: string;
  /** Of the server that runs it; null where MONGODB_URI names the database. */
  dataDir: string | null;
}

/**
 * Finds the database of MONGODB_URI, else of the server that runs at this machine.
 * @param dataDir given by option: it names the server, whatever the environment says
 * @throws CommandFailure where there is none
 */
export async function findDatabase(
  dataDir: string | null,
  settings: CommandSettings,
): Promise<FoundDatabase> {
  const named = dataDir === null ? settings.MONGODB_URI : undefined;
  if (named !== undefined) return { mongodbUri: named, dataDir: null };
  const folder = dataDir ?? settings.DATA_DIR;
  const note = await noteIn(folder);
  if (note) return { mongodbUri: note.mongodbUri, dataDir: folder };
  throw new CommandFailure(
    `No server runs on ${folder}: start it with \`npm start\`, name its folder with --data-dir, or set MONGODB_URI.`,
  );
}

/**
 * Connects to the database of MONGODB_URI, else of the server that runs at this machine. The caller closes it.
 * @param dataDir as for `findDatabase`
 * @throws CommandFailure where there is none, it does not answer, or a newer version has used it
 */
export async function openStore(dataDir: string | null, settings: CommandSettings): Promise<StoreConnection> {
  const { mongodbUri } = await findDatabase(dataDir, settings);
  const store = await connectStore(mongodbUri, 0).catch((error: unknown) => {
    if (error instanceof Unavailable) throw new CommandFailure(messageOf(error));
    throw error;
  });
  try {
    await requireNoNewer(store.db);
    return store;
  } catch (error) {
    await store.close();
    if (error instanceof Conflict) throw new CommandFailure(messageOf(error, 1_000));
    throw error;
  }
}
