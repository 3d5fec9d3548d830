/** A deleted source or webhook stays as a tombstone, so that its id stays taken: this leaves them out. */
export const VISIBLE = { deletedAt: null } as const;
