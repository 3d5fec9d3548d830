/** What the embedded servers tell: progress and faults, pino's way. Never carries a password. */
export interface EmbeddedLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** The two programs that can be embedded; `valkey` may also be a Redis. */
export type ProgramKind = 'mongod' | 'valkey';
