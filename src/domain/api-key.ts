import type { Role } from './user';

/** A key for programs. The key itself is shown once; what is kept is its hash. */
export interface ApiKey {
  /** The 8 characters in the key by which it is found. */
  _id: string;
  name: string;
  /** SHA-256 of the whole key, hex. */
  hash: string;
  role: Role;
  createdAt: Date;
  /** Right to a minute. */
  lastUsedAt: Date | null;
  expiresAt: Date | null;
  revokedAt: Date | null;
}

/** The part of a key that is no secret: what lists and the audit log show. */
export function keyPrefix({ _id }: Pick<ApiKey, '_id'>): string {
  return `tg_${_id}`;
}
