/** Exit codes of the commands: how a script tells them apart. */
export const EXIT = {
  done: 0,
  /** The command ran, but something in it failed. */
  incomplete: 1,
  /** The command could not run: wrong arguments, no server, no access. */
  refused: 2,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Why a command ends: one line that says what to do. */
export class CommandFailure extends Error {
  override name = 'CommandFailure';
  constructor(
    message: string,
    readonly exitCode: ExitCode = EXIT.refused,
  ) {
    super(message);
  }
}
