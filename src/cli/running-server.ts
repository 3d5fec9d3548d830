import { Invalid } from '../domain/errors';
import { readServerNote, type ServerNote } from '../server-note';
import { CommandFailure } from './failure';

/** What helps where the note is there and can't be read. */
export const NOTE_REMEDY = 'Run this as the user of the server; where that is so, start the server again.';

/** The note of the server at this machine; null where none runs on the folder. @throws CommandFailure */
export async function noteIn(dataDir: string): Promise<ServerNote | null> {
  try {
    return await readServerNote(dataDir);
  } catch (error) {
    if (error instanceof Invalid) throw new CommandFailure(`${error.message}. ${NOTE_REMEDY}`);
    throw error;
  }
}
