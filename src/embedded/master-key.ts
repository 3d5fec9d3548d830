import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Permanent } from '../domain/errors';
import { readOrCreatePrivateFile } from './private-file';

const KEY_BYTES = 32;
const FORM = /^[A-Za-z0-9+/]{43}=$/;

/**
 * The master key of this data folder: 32 bytes, kept as base64 in `master.key` (mode 0600), made when there is
 * none. Throws Permanent when the file holds anything else: without the right key no stored secret can be read,
 * so a new one is never made over it.
 */
export async function readOrCreateMasterKey(dataDir: string): Promise<Buffer> {
  const path = join(dataDir, 'master.key');
  const create = () => `${randomBytes(KEY_BYTES).toString('base64')}\n`;
  const text = (await readOrCreatePrivateFile(path, create)).trim();
  if (!FORM.test(text)) {
    throw new Permanent(
      `${path} does not hold a master key (32 bytes as base64). Restore it from a backup; if no secret was ` +
        'stored yet, delete it and start again.',
    );
  }
  return Buffer.from(text, 'base64');
}
