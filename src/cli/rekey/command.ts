import { BrokenSeal, SecretBox } from '../../auth/secret-box';
import type { Environment } from '../../config/environment';
import type { CommandSettings } from '../../config/settings';
import { Conflict, Invalid, messageOf, Permanent, Unavailable } from '../../domain/errors';
import { Openings } from '../../openings';
import { followKey, rewrapSecrets, surveySecrets } from '../../rekey';
import { StoreClock } from '../../store/clock';
import { connectStore } from '../../store/connection';
import { LeaseStore } from '../../store/leases';
import { requireNoNewer } from '../../store/migrations/migrator';
import { SealedSecretStore } from '../../store/sealed-secrets';
import { SourceStore } from '../../store/sources';
import { CommandFailure, EXIT } from '../failure';
import { findPlace, type Place } from './place';

export interface RekeyOptions {
  toKeyFile: string | null;
  dryRun: boolean;
  serversHaveBoth: boolean;
  /** Given by option: it names the server, whatever the environment says. */
  dataDir: string | null;
  settings: CommandSettings;
  environment: Environment;
  /** The outcome. */
  print: (text: string) => void;
  /** What happens meanwhile. */
  progress: (text: string) => void;
}

const TELL_EVERY = 1_000;

/**
 * Puts every secret of a database under a new master key, and says what to do next.
 * @throws CommandFailure
 */
export async function rekeyDatabase(options: RekeyOptions): Promise<void> {
  const openings = new Openings();
  try {
    await rekey(options, openings);
  } catch (error) {
    throw told(error);
  } finally {
    await openings.close();
  }
}

async function rekey(options: RekeyOptions, openings: Openings): Promise<void> {
  const place = await findPlace(options, openings);
  const { db, connection, close } = await connectStore(place.mongodbUri, 0);
  openings.add(close);
  await requireNoNewer(db);
  const clock = await StoreClock.open(db);
  openings.add(async () => clock.close());
  if (!options.serversHaveBoth && !options.dryRun && (await new LeaseStore(db).isHeld('sweeper')))
    throw new CommandFailure(RUNNING);
  const secrets = new SealedSecretStore(db);
  const [from, to] = [new SecretBox(place.from), new SecretBox(place.to)];
  const { due, done } = await surveySecrets(secrets, from, to);
  const keys = `from key ${from.keyId} to key ${to.keyId}`;
  if (options.dryRun) {
    options.print(`${due} secrets would go ${keys}; ${done} are under it already. Nothing was changed.\n`);
    return;
  }
  options.progress(`trailgraph: ${due} secrets go ${keys}; ${done} are under it already\n`);
  const rewrapped = await rewrapSecrets(secrets, from, to, (count) => {
    if (count % TELL_EVERY === 0) options.progress(`trailgraph: ${count} of ${due}\n`);
  });
  await followKey(new SourceStore(connection, db, clock), place.from, place.to);
  await place.keep();
  options.print(`${rewrapped} secrets were put under the new master key; ${done} were already.\n`);
  options.print(next(place, options.serversHaveBoth));
}

const RUNNING =
  'A server works on this database, and could not open what is put under another key. Stop it (its work lease ends within 10 s), or start it with the new key as TRAILGRAPH_MASTER_KEY and the old one as TRAILGRAPH_PREVIOUS_MASTER_KEY and say --servers-have-both.';

function next({ keyFile }: Place, serversHaveBoth: boolean): string {
  if (keyFile) return `${keyFile} holds the new key: start the server as before.\n`;
  return serversHaveBoth
    ? 'Now take TRAILGRAPH_PREVIOUS_MASTER_KEY away from the servers.\n'
    : 'Now start the servers with the new key as TRAILGRAPH_MASTER_KEY.\n';
}

function told(error: unknown): unknown {
  if (error instanceof CommandFailure) return error;
  if (error instanceof BrokenSeal) {
    return new CommandFailure(
      `Nothing was changed: ${error.message}. Give it anew (updateSource, updateWebhook) or restore it from a backup first.`,
    );
  }
  if (error instanceof Conflict) return new CommandFailure(error.message, EXIT.incomplete);
  if (error instanceof Invalid || error instanceof Permanent || error instanceof Unavailable)
    return new CommandFailure(messageOf(error, 2_000));
  return error;
}
