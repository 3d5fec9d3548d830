import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { masterKeyFrom, WrongMasterKey } from '../auth/secret-box';
import type { CommandSettings } from '../config/settings';
import { Conflict, Invalid, messageOf, Permanent, Unavailable } from '../domain/errors';
import { normalEmail, type Role } from '../domain/user';
import { readOrCreateMasterKey } from '../embedded/master-key';
import { type AccountsAlone, openAccountsAlone } from '../open-accounts';
import { askNewPassword, type PasswordInput } from './ask-password';
import { CommandFailure, EXIT } from './failure';
import { noteIn } from './running-server';

export interface CreateUserOptions {
  email: string;
  role: Role;
  fromStdin: boolean;
  /** Given by option: it names the server, whatever the environment says. */
  dataDir: string | null;
  settings: CommandSettings;
  stdin: PasswordInput;
  print: (text: string) => void;
  prompt: (text: string) => void;
}

/**
 * Makes an account in the database itself, which asks for no login: whoever can read DATA_DIR may do anything anyway.
 * @throws CommandFailure
 */
export async function createUser(options: CreateUserOptions): Promise<void> {
  const { email, role, fromStdin, stdin, print, prompt } = options;
  if (normalEmail(email) === null) throw new CommandFailure(`${email} is not an e-mail address.`);
  const { accounts, close } = await open(options);
  try {
    const password = await askNewPassword(stdin, prompt, { fromStdin });
    const user = await accounts.createUser({ email, password }, role);
    const why = user.role === role ? '' : ': the first user always is';
    print(`${user.email} may log in (${user.role}${why}).\n`);
  } catch (error) {
    if (error instanceof Invalid || error instanceof Conflict)
      throw new CommandFailure(`${email} was not made: ${error.message}`, EXIT.incomplete);
    if (error instanceof Unavailable) throw new CommandFailure(error.message);
    throw error;
  } finally {
    await close();
  }
}

async function open({ settings, dataDir }: CreateUserOptions): Promise<AccountsAlone> {
  const named = dataDir === null ? settings.MONGODB_URI : undefined;
  const folder = dataDir ?? settings.DATA_DIR;
  const mongodbUri = named ?? (await noteIn(folder))?.mongodbUri;
  if (mongodbUri === undefined) {
    throw new CommandFailure(
      `No server runs on ${folder}: start it with \`npm start\`, name its folder with --data-dir, or set MONGODB_URI.`,
    );
  }
  try {
    return await openAccountsAlone(
      mongodbUri,
      await masterKey(settings, named === undefined ? folder : null),
    );
  } catch (error) {
    if (error instanceof WrongMasterKey) {
      throw new CommandFailure(`This is not the server's master key: ${error.message}.`);
    }
    if (error instanceof Unavailable && named === undefined) {
      throw new CommandFailure(
        `The server on ${folder} does not run any more: start it with \`npm start\` (${messageOf(error)}).`,
      );
    }
    if (error instanceof Unavailable) throw new CommandFailure(messageOf(error));
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
