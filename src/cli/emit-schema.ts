import { writeFile } from 'node:fs/promises';
import { messageOf } from '../domain/errors';
import { schemaText } from '../graphql/schema';
import { CommandFailure } from './failure';

/**
 * Writes the GraphQL schema into a file, or gives it to `print`.
 * @throws CommandFailure where the file can't be written
 */
export async function emitSchema(file: string | null, print: (text: string) => void): Promise<void> {
  const text = await schemaText();
  if (file === null) return print(text);
  try {
    await writeFile(file, text);
  } catch (error) {
    throw new CommandFailure(`${file} can't be written: ${messageOf(error)}.`);
  }
}
