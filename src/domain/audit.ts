/**
 * What came of an action. REFUSED: the caller was at fault, or not allowed; FAILED: we were. UNKNOWN: it is under way,
 * or the process that did it ended before it could say.
 */
export type AuditOutcome = 'DONE' | 'REFUSED' | 'FAILED' | 'UNKNOWN';

/** Who tried to change what, when, from where. */
export interface AuditEntry {
  _id: string;
  at: Date;
  /** An e-mail address, `key <name> (tg_<id>)`, `anonymous`, or `operator at the machine`. */
  actor: string;
  /** The mutation's name, or the command's. */
  action: string;
  /** Id of what was changed, or the e-mail address that was tried. */
  target: string | null;
  ip: string | null;
  requestId: string | null;
  /** What was asked for, without what is secret. */
  changes: unknown;
  outcome: AuditOutcome;
  /** The code of the error, where it was not done. */
  error: string | null;
}
