import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditAttempt } from '../../auth/audit-trail';
import { masterKeyFrom, WrongMasterKey } from '../../auth/secret-box';
import type { CommandSettings } from '../../config/settings';
import { Conflict, Invalid, messageOf, NotFound, Permanent, Unavailable } from '../../domain/errors';
import { readOrCreateMasterKey } from '../../embedded/master-key';
import { createLogger } from '../../observe/logger';
import { type AccountsAlone, openAccountsAlone } from '../../open-accounts';
import { CommandFailure, EXIT } from '../failure';
import { findDatabase } from '../open-store';

/** Which server, and how the user is told. */
export interface AccountsHereOptions {
  /** Given by option: it names the server, whatever the environment says. */
  dataDir: string | null;
  settings: CommandSettings;
  print: (text: string) => void;
  /** Standard error. */
  prompt: (text: string) => void;
}

/**
 * Works on accounts in the database itself, which asks for no login: whoever can read DATA_DIR may do anything anyway.
 * @param what was to be done, for the message where it was not
 * @throws CommandFailure
 */
export async function withAccounts(
  options: AccountsHereOptions,
  what: string,
  work: (here: AccountsAlone) => Promise<void>,
): Promise<void> {
  const here = await open(options);
  try {
    await work(here);
  } catch (error) {
    if (error instanceof Invalid || error instanceof Conflict || error instanceof NotFound)
      throw new CommandFailure(`${what}: ${error.message}`, EXIT.incomplete);
    if (error instanceof Unavailable) throw new CommandFailure(error.message);
    throw error;
  } finally {
    await here.close();
  }
}

/** How the audit log has a command. */
export function attemptHere(action: string, target: string | null, changes: object): AuditAttempt {
  return { actor: 'operator at the machine', action, target, ip: null, requestId: null, changes };
}

async function open({ settings, dataDir, prompt }: AccountsHereOptions): Promise<AccountsAlone> {
  const { mongodbUri, dataDir: folder } = await findDatabase(dataDir, settings);
  try {
    return await openAccountsAlone(
      mongodbUri,
      await masterKey(settings, folder),
      createLogger({ level: 'error', pretty: false, destination: { write: prompt } }),
    );
  } catch (error) {
    if (error instanceof WrongMasterKey) {
      throw new CommandFailure(`This is not the server's master key: ${error.message}.`);
    }
    if (error instanceof Unavailable && folder !== null) {
      throw new CommandFailure(
        `The server on ${folder} does not run any more: start it with \`npm start\` (${messageOf(error)}).`,
      );
    }
    if (error instanceof Unavailable || error instanceof Conflict)
      throw new CommandFailure(messageOf(error, 1_000));
    throw error;
  }
}

/** @param folder the DATA_DIR of an embedded server; null where the database is named by the environment */
async function masterKey({ TRAILGRAPH_MASTER_KEY: given }: CommandSettings, folder: string | null) {
  try {
    if (given !== undefined) return masterKeyFrom(given);
    // Only ever read here: a key that is made now would not be the server's.
    if (folder !== null && (await isThere(join(folder, 'master.key')))) {
      return await readOrCreateMasterKey(folder);
    }
  } catch (error) {
    if (error instanceof Invalid || error instanceof Permanent)
      throw new CommandFailure(`The master key can't be used: ${error.message}`);
    throw error;
  }
  throw new CommandFailure('TRAILGRAPH_MASTER_KEY must be set to the key that the server uses.');
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
