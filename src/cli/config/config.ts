import { writeFile } from 'node:fs/promises';
import { type SettingInForce, settingsInForce } from '../../config/catalogue';
import type { Environment } from '../../config/environment';
import { configurationPage } from '../../config/markdown';
import { messageOf } from '../../domain/errors';
import { CommandFailure, EXIT, type ExitCode } from '../failure';

export interface ConfigOptions {
  form: 'table' | 'json' | 'markdown';
  /** The file to write; null for standard output. */
  out: string | null;
  environment: Environment;
  print: (text: string) => void;
  complain: (text: string) => void;
}

/**
 * Prints what this environment sets, or the documentation of all that it may set.
 * @throws CommandFailure where the file can't be written
 */
export async function printConfig({
  form,
  out,
  environment,
  print,
  complain,
}: ConfigOptions): Promise<ExitCode> {
  if (form === 'markdown') {
    await put(configurationPage(), out, print);
    return EXIT.done;
  }
  const { settings, faults } = settingsInForce(environment);
  const text = form === 'json' ? `${JSON.stringify({ settings, faults }, null, 2)}\n` : table(settings);
  await put(text, out, print);
  for (const fault of faults) complain(`trailgraph: ${fault}\n`);
  return faults.length === 0 ? EXIT.done : EXIT.incomplete;
}

async function put(text: string, out: string | null, print: (text: string) => void): Promise<void> {
  if (out === null) return print(text);
  try {
    await writeFile(out, text);
  } catch (error) {
    throw new CommandFailure(`${out} can't be written: ${messageOf(error)}`);
  }
}

function table(settings: SettingInForce[]): string {
  const rows = [
    ['SETTING', 'VALUE', 'FROM'],
    ...settings.map((each) => [each.name, shownValue(each), originOf(each)]),
  ];
  const widthOf = (column: number): number => Math.max(...rows.map((row) => row[column]!.length));
  const [first, second] = [widthOf(0), widthOf(1)];
  return rows.map(([a, b, c]) => `${a!.padEnd(first)}  ${b!.padEnd(second)}  ${c}\n`).join('');
}

function shownValue({ value, secret, from, otherwise }: SettingInForce): string {
  if (secret && from !== 'default') return '[secret]';
  if (value === null) return otherwise === null ? '-' : `- (${otherwise})`;
  // What has a line break or a colour in it stays on its line.
  return /^[\x21-\x7e]+$/.test(value) ? value : JSON.stringify(value);
}

function originOf({ name, from, variable, file }: SettingInForce): string {
  if (file !== null) return `file ${file}`;
  return variable === null || variable === name ? from : `${from} (${variable})`;
}
