import { copyFile, open, rename, rm, stat, truncate } from 'node:fs/promises';
import { isErrno } from './run-command';

/** A server writes a few KB a day; beyond this something is wrong with it, and the last part tells enough. */
const MAX_LOG_BYTES = 16 * 1024 * 1024;
const TAIL_BYTES = 8_192;

/** Before a start: the log so far becomes `<file>.1`, the one before it goes. */
export async function turnOverLog(file: string): Promise<void> {
  try {
    await rename(file, `${file}.1`);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
}

/** While the server runs (it appends, so cutting is safe): turns the log over when it holds more than 16 MiB. */
export async function boundLog(file: string): Promise<void> {
  if ((await sizeOf(file)) <= MAX_LOG_BYTES) return;
  await rm(`${file}.1`, { force: true });
  await copyFile(file, `${file}.1`);
  await truncate(file, 0);
}

/** The last lines that the server wrote, at most 8 KiB; for the reason of a failed start. */
export async function tailOfLog(file: string): Promise<string> {
  const size = await sizeOf(file);
  if (size === 0) return '';
  const handle = await open(file, 'r');
  try {
    const length = Math.min(size, TAIL_BYTES);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return 0;
    throw error;
  }
}
