import type { Role } from '../../domain/user';

/** The names that the enrichment API has for roles. It knew `user` and `admin`; who ingests here is an operator. */
const NAMES: Readonly<Record<Role, string>> = { VIEWER: 'user', OPERATOR: 'operator', ADMIN: 'admin' };

export function roleName(role: Role): string {
  return NAMES[role];
}

/** The role of that name; null where there is none. */
export function roleNamed(name: unknown): Role | null {
  const entry = Object.entries(NAMES).find(([, each]) => each === name);
  return entry ? (entry[0] as Role) : null;
}
