import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { parse, print, separateOperations } from 'graphql';
import { messageOf } from '../domain/errors';
import * as generated from '../generated/graphql';
import { CommandFailure } from './failure';

/**
 * Writes the manifest of persisted operations: a JSON object of documents by the SHA-256 of their text. Without files
 * it holds those of TrailGraph's own commands and console, to the byte as they send them.
 * @throws CommandFailure where a file can't be read or written, or is no GraphQL
 */
export async function emitOperations(
  files: readonly string[],
  out: string | null,
  print: (text: string) => void,
): Promise<void> {
  const texts = files.length > 0 ? await textsIn(files) : ownTexts();
  const entries = texts.map((text) => [createHash('sha256').update(text).digest('hex'), text] as const);
  const manifest = `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`;
  if (out === null) return print(manifest);
  try {
    await writeFile(out, manifest);
  } catch (error) {
    throw new CommandFailure(`${out} can't be written: ${messageOf(error)}.`);
  }
}

function ownTexts(): string[] {
  return Object.entries(generated)
    .filter(([name]) => name.endsWith('Document'))
    .map(([, document]) => String(document));
}

/** Each operation with the fragments that it spreads, from whichever file. */
async function textsIn(files: readonly string[]): Promise<string[]> {
  const sources: string[] = [];
  for (const file of files) {
    try {
      const text = await readFile(file, 'utf8');
      parse(text);
      sources.push(text);
    } catch (error) {
      throw new CommandFailure(`${file} can't be read as GraphQL: ${messageOf(error)}.`);
    }
  }
  return Object.values(separateOperations(parse(sources.join('\n')))).map(print);
}
