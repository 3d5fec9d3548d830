import { CommandFailure, EXIT } from './failure';

/** Standard input: a terminal, or not. */
export interface PasswordInput extends AsyncIterable<Buffer | string> {
  isTTY?: boolean;
  setRawMode?(mode: boolean): unknown;
  setEncoding(encoding: 'utf8'): unknown;
  destroy(): unknown;
}

const ENTER = /[\r\n]/;
const CTRL_C = '\u0003';
const CTRL_D = '\u0004';
const CTRL_U = '\u0015';
const BACKSPACE = /[\b\u007f]/;
/** Far more than a password may have; a file that was piped in by mistake is not read to its end. */
const MAX_LENGTH = 4_096;

/**
 * A new password: asked for twice without showing it at a terminal, else the first line of the input.
 * @throws CommandFailure where there is none, or the two differ
 */
export async function askNewPassword(
  input: PasswordInput,
  prompt: (text: string) => void,
  { fromStdin }: { fromStdin: boolean },
): Promise<string> {
  input.setEncoding('utf8');
  try {
    if (!input.isTTY || fromStdin) return await firstLine(input);
    const [once, again] = await hiddenLines(input, prompt, ['Password: ', 'Again: ']);
    if (once !== again) throw new CommandFailure('The two passwords differ: try again.', EXIT.incomplete);
    return once ?? '';
  } finally {
    input.destroy(); // Else an open terminal keeps the process alive.
  }
}

async function firstLine(input: PasswordInput): Promise<string> {
  let text = '';
  for await (const chunk of input) {
    text += String(chunk);
    if (text.includes('\n') || text.length > MAX_LENGTH) break;
  }
  const [line = ''] = text.split(/\r?\n/);
  if (line === '') {
    throw new CommandFailure('There is no password: run this at a terminal, or pipe the password in.');
  }
  return line;
}

/** Reads lines with the echo of the terminal switched off; edits with backspace and Ctrl-U. */
async function hiddenLines(
  input: PasswordInput,
  prompt: (text: string) => void,
  questions: string[],
): Promise<string[]> {
  const lines: string[] = [];
  let line = '';
  input.setRawMode?.(true);
  try {
    prompt(questions[0] ?? '');
    for await (const chunk of input) {
      for (const character of String(chunk)) {
        if (character === CTRL_C || character === CTRL_D)
          throw new CommandFailure('Stopped: nothing was changed.', EXIT.incomplete);
        if (ENTER.test(character)) {
          lines.push(line);
          line = '';
          prompt(`\n${questions[lines.length] ?? ''}`);
          if (lines.length === questions.length) return lines;
        } else if (character === CTRL_U) line = '';
        else if (BACKSPACE.test(character)) line = [...line].slice(0, -1).join('');
        else if (line.length < MAX_LENGTH) line += character;
      }
    }
    throw new CommandFailure('The terminal was closed: nothing was changed.', EXIT.incomplete);
  } finally {
    input.setRawMode?.(false);
  }
}
