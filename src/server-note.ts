import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Invalid } from './domain/errors';
import { replacePrivateFile } from './embedded/private-file';

/** How tools at this machine reach a server that embeds its own; in DATA_DIR, for its owner's eyes only. */
export interface ServerNote {
  url: string;
  /** Opens the door of the source `direct`. */
  ingestToken: string;
  mongodbUri: string;
  /** Absent in the note of an older server. */
  redisUrl?: string;
}

const NAME = 'server.json';

/** Writes the note. @returns what takes it away again */
export async function writeServerNote(dataDir: string, note: ServerNote): Promise<() => Promise<void>> {
  const path = join(dataDir, NAME);
  await replacePrivateFile(path, JSON.stringify(note));
  return () => rm(path, { force: true });
}

/**
 * The note of the server that runs on this folder, or was killed on it; null where there is none.
 * @throws Invalid where the file holds something else
 */
export async function readServerNote(dataDir: string): Promise<ServerNote | null> {
  const path = join(dataDir, NAME);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(String((error as { code?: unknown }).code))) return null;
    throw new Invalid(`${path} can't be read: ${(error as Error).message}`);
  }
  const note = parsed(text);
  if (!note) throw new Invalid(`${path} is not a server's note`);
  return note;
}

function parsed(text: string): ServerNote | null {
  try {
    const { url, ingestToken, mongodbUri, redisUrl } = JSON.parse(text) as Partial<
      Record<keyof ServerNote, unknown>
    >;
    return typeof url === 'string' && typeof ingestToken === 'string' && typeof mongodbUri === 'string'
      ? { url, ingestToken, mongodbUri, ...(typeof redisUrl === 'string' ? { redisUrl } : {}) }
      : null;
  } catch {
    return null; // Not JSON, or no object.
  }
}
