import { type Command, InvalidArgumentError, type Option } from 'commander';
import type { CommandSettings } from '../../config/settings';
import { ROLES, type Role } from '../../domain/user';
import type { PasswordInput } from '../ask-password';
import type { AccountsHereOptions } from './accounts-here';

/** What these commands have of the process that they run in. */
interface UserProcess {
  stdin: PasswordInput;
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
}

interface ServerOptions {
  dataDir?: string;
}

const FROM_STDIN = [
  '--password-stdin',
  'read the password from the first line of standard input, also at a terminal',
] as const;

/** `trailgraph user`: accounts, in the database of the server at this machine. They need no login. */
export function addUser(
  program: Command,
  io: UserProcess,
  parts: { dataDir: () => Option; settings: () => CommandSettings },
): void {
  const user = program.command('user').description('Accounts of people.');
  const here = ({ dataDir = undefined }: ServerOptions): AccountsHereOptions => ({
    dataDir: dataDir ?? null,
    settings: parts.settings(),
    print: (text) => void io.stdout.write(text),
    prompt: (text) => void io.stderr.write(text),
  });
  const command = (name: string, description: string): Command =>
    user.command(name).description(description).addOption(parts.dataDir());
  command('create', 'Makes an account in the database of the server. The first one is always an ADMIN.')
    .argument('<email>', 'e-mail address')
    .option('--role <role>', `what the person may do: ${ROLES.join(', ')}`, role, 'VIEWER')
    .option(...FROM_STDIN)
    .action(async (email: string, options: ServerOptions & { role: Role; passwordStdin?: true }) => {
      const { createUser } = await import('./create.js');
      const fromStdin = options.passwordStdin === true;
      await createUser({ ...here(options), email, role: options.role, fromStdin, stdin: io.stdin });
    });
  command('list', 'Lists the accounts.')
    .option('--json', 'as JSON, one a line')
    .action(async (options: ServerOptions & { json?: true }) => {
      const { listUsers } = await import('./list.js');
      await listUsers({ ...here(options), json: options.json === true });
    });
  command('reset-password', 'Sets another password for somebody who lost it, and ends all sessions.')
    .argument('<email>', 'e-mail address')
    .option(...FROM_STDIN)
    .action(async (email: string, options: ServerOptions & { passwordStdin?: true }) => {
      const { resetPassword } = await import('./change.js');
      const fromStdin = options.passwordStdin === true;
      await resetPassword({ ...here(options), email, fromStdin, stdin: io.stdin });
    });
  addChanges(command, here);
}

function addChanges(
  command: (name: string, description: string) => Command,
  here: (options: ServerOptions) => AccountsHereOptions,
): void {
  const states = [
    ['disable', 'Closes an account and ends its sessions. Not that of the last active ADMIN.', true],
    ['enable', 'Opens an account again.', false],
  ] as const;
  for (const [name, description, disabled] of states) {
    command(name, description)
      .argument('<email>', 'e-mail address')
      .action(async (email: string, options: ServerOptions) => {
        const { changeUser } = await import('./change.js');
        await changeUser({ ...here(options), email, change: { disabled } });
      });
  }
  command('role', 'Says what somebody may do.')
    .argument('<email>', 'e-mail address')
    .argument('<role>', ROLES.join(', '), role)
    .action(async (email: string, given: Role, options: ServerOptions) => {
      const { changeUser } = await import('./change.js');
      await changeUser({ ...here(options), email, change: { role: given } });
    });
}

function role(text: string): Role {
  const found = ROLES.find((each) => each === text.toUpperCase());
  if (!found) throw new InvalidArgumentError(`Give one of ${ROLES.join(', ')}`);
  return found;
}
