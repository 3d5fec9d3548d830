import { normalEmail, type Role } from '../../domain/user';
import { askNewPassword, type PasswordInput } from '../ask-password';
import { CommandFailure } from '../failure';
import { type AccountsHereOptions, attemptHere, withAccounts } from './accounts-here';

export interface CreateUserOptions extends AccountsHereOptions {
  email: string;
  role: Role;
  fromStdin: boolean;
  stdin: PasswordInput;
}

/** Makes an account. @throws CommandFailure */
export async function createUser(options: CreateUserOptions): Promise<void> {
  const { email, role, fromStdin, stdin, print, prompt } = options;
  if (normalEmail(email) === null) throw new CommandFailure(`${email} is not an e-mail address.`);
  await withAccounts(options, `${email} was not made`, async ({ accounts, audit }) => {
    const password = await askNewPassword(stdin, prompt, { fromStdin });
    const attempt = attemptHere('user create', normalEmail(email), { email, role });
    const user = await audit.run(
      attempt,
      () => accounts.createUser({ email, password }, role),
      ({ _id }) => ({ target: _id }),
    );
    const why = user.role === role ? '' : ': the first user always is';
    print(`${user.email} may log in (${user.role}${why}).\n`);
  });
}
