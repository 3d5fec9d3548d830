import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { messageOf } from '../../domain/errors';
import { CommandFailure } from '../failure';
import type { CommandProcess } from '../program';
import { envFile, newSecrets } from './env-file';

const STANDARD_OUTPUT = '-';

/** `trailgraph init`. */
export function addInit(program: Command, io: CommandProcess): void {
  program
    .command('init')
    .description(
      'Writes the .env that docker-compose.yml needs, with a new master key and new passwords of the stores, readable by ' +
        'its owner alone. Never writes over a file.',
    )
    .argument('[file]', `where to; ${STANDARD_OUTPUT} prints it`, '.env')
    .action(async (file: string): Promise<void> => {
      const text = envFile(newSecrets());
      if (file === STANDARD_OUTPUT) {
        io.stdout.write(text);
        return;
      }
      const path = resolve(file);
      await write(path, text);
      io.stdout.write(
        `Wrote ${path}. Keep a copy of its TRAILGRAPH_MASTER_KEY elsewhere: without it no secret of the database opens.\n`,
      );
    });
}

async function write(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as { code?: unknown }).code === 'EEXIST')
      throw new CommandFailure(
        `${path} is there already, and may hold the only copy of a master key: move it away, or name another file.`,
      );
    throw new CommandFailure(`${path} can't be written: ${messageOf(error)}`);
  }
}
