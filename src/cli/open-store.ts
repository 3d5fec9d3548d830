import type { CommandSettings } from '../config/settings';
import { messageOf, Unavailable } from '../domain/errors';
import { connectStore, type StoreConnection } from '../store/connection';
import { CommandFailure } from './failure';
import { noteIn } from './running-server';

/**
 * The database of MONGODB_URI, else of the server that runs at this machine. The caller closes it.
 * @param dataDir given by option: it names the server, whatever the environment says
 * @throws CommandFailure where there is none
 */
export async function openStore(dataDir: string | null, settings: CommandSettings): Promise<StoreConnection> {
  const named = dataDir === null ? settings.MONGODB_URI : undefined;
  const folder = dataDir ?? settings.DATA_DIR;
  const mongodbUri = named ?? (await noteIn(folder))?.mongodbUri;
  if (mongodbUri === undefined) {
    throw new CommandFailure(
      `No server runs on ${folder}: start it with \`npm start\`, name its folder with --data-dir, or set MONGODB_URI.`,
    );
  }
  try {
    return await connectStore(mongodbUri, 0);
  } catch (error) {
    if (error instanceof Unavailable) throw new CommandFailure(messageOf(error));
    throw error;
  }
}
