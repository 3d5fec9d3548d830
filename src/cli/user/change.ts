import type { Role } from '../../domain/user';
import { askNewPassword, type PasswordInput } from '../ask-password';
import { type AccountsHereOptions, attemptHere, withAccounts } from './accounts-here';

/** Sets the role of an account, or opens or closes it. @throws CommandFailure */
export async function changeUser(
  options: AccountsHereOptions & { email: string; change: { role: Role } | { disabled: boolean } },
): Promise<void> {
  const { email, change, print } = options;
  await withAccounts(options, `${email} was not changed`, async ({ admin, audit }) => {
    const { _id } = await admin.byEmail(email);
    const changes = { email, ...change };
    const user = await audit.run(attemptHere('user update', _id, changes), () => admin.update(_id, change));
    const state = user.disabled ? 'may not log in any more: the account is disabled' : 'may log in';
    print(`${user.email} ${state} (${user.role}).\n`);
  });
}

/** Sets another password, for a user who lost it; ends all of the user's sessions. @throws CommandFailure */
export async function resetPassword(
  options: AccountsHereOptions & { email: string; fromStdin: boolean; stdin: PasswordInput },
): Promise<void> {
  const { email, fromStdin, stdin, print, prompt } = options;
  await withAccounts(options, `The password of ${email} was not changed`, async ({ admin, audit }) => {
    const user = await admin.byEmail(email);
    const password = await askNewPassword(stdin, prompt, { fromStdin });
    const attempt = attemptHere('user reset-password', user._id, { email });
    await audit.run(attempt, () => admin.resetPassword(user._id, password));
    const state = user.disabled ? '; the account is still disabled' : '';
    print(`${user.email} has another password; all sessions are ended${state}.\n`);
  });
}
