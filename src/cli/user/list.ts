import type { User } from '../../domain/user';
import type { PageRequest } from '../../store/page';
import { type AccountsHereOptions, withAccounts } from './accounts-here';

const PAGE = 200;

/** Prints all accounts, oldest first. @throws CommandFailure */
export async function listUsers(options: AccountsHereOptions & { json: boolean }): Promise<void> {
  const { json, print } = options;
  await withAccounts(options, 'The users could not be listed', async ({ users }) => {
    let after: PageRequest['after'] = null;
    for (;;) {
      const page = await users.page({ limit: PAGE, after });
      for (const { item } of page.items) print(json ? `${JSON.stringify(shown(item))}\n` : line(item));
      after = page.items.at(-1)?.key ?? null;
      if (!page.hasNext || !after) return;
    }
  });
}

function shown({ _id: id, email, role, disabled, createdAt, lastLoginAt }: User): object {
  return { id, email, role, disabled, createdAt, lastLoginAt };
}

function line({ email, role, disabled, lastLoginAt }: User): string {
  const seen = lastLoginAt ? `last login ${lastLoginAt.toISOString()}` : 'never logged in';
  return `${role.padEnd(8)}  ${disabled ? 'disabled' : 'active  '}  ${email}  ${seen}\n`;
}
