import { ROLES, type Role } from '../domain/user';

/** Whether a role may do what `needed` may: each role includes those before it. */
export function atLeast(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

export function isRole(value: unknown): value is Role {
  return ROLES.some((role) => role === value);
}
