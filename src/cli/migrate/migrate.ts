import type { CommandSettings } from '../../config/settings';
import { Conflict, messageOf, Unavailable } from '../../domain/errors';
import { type MigrationStatus, Migrator } from '../../store/migrations/migrator';
import { CommandFailure, EXIT, type ExitCode } from '../failure';
import { openStore } from '../open-store';

export interface MigrateOptions {
  /** Given by option: it names the server, whatever the environment says. */
  dataDir: string | null;
  statusOnly: boolean;
  settings: CommandSettings;
  print: (text: string) => void;
  progress: (text: string) => void;
}

/** @throws CommandFailure where there is no database, or a newer version or another process has it */
export async function migrate(options: MigrateOptions): Promise<ExitCode> {
  const store = await openStore(options.dataDir, options.settings);
  const migrator = new Migrator(store.db, {
    log: { info: (facts, message) => options.progress(`trailgraph: ${message} ${JSON.stringify(facts)}\n`) },
  });
  try {
    if (!options.statusOnly) await migrator.run();
    const all = await migrator.status();
    const left = all.filter(({ state }) => state !== 'DONE').length;
    options.print(
      `${all.map(line).join('')}${left === 0 ? 'Nothing is left to do.' : `${left} left to do.`}\n`,
    );
    return left === 0 ? EXIT.done : EXIT.incomplete;
  } catch (error) {
    if (error instanceof Conflict) throw new CommandFailure(messageOf(error, 1_000));
    if (error instanceof Unavailable) throw new CommandFailure(messageOf(error, 1_000), EXIT.incomplete);
    throw error;
  } finally {
    await store.close();
  }
}

function line({ number, name, state, position, doneAt }: MigrationStatus): string {
  const when = doneAt ? doneAt.toISOString() : position === null ? '' : `at ${position}`;
  return `${String(number).padStart(4, '0')}  ${state.padEnd(7)}  ${name}${when ? `  ${when}` : ''}\n`;
}
