import { createWriteStream } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { openPromise, type ZipFile } from 'yauzl';
import { Permanent } from '../domain/errors';

const EXECUTABLE = 0o755;
/** mongod is 141 MB. */
const MAX_BYTES = 512 * 1024 * 1024;

/** Unpacks one program of a zip file as a new file of mode 0755, on disk when it returns. */
export async function unzipProgram(zipFile: string, member: string, target: string): Promise<void> {
  // Not autoClose: leaving the loop over the entries would close it before the program is read.
  const zip = await openPromise(zipFile, { autoClose: false });
  try {
    const source = await openMember(zip, member);
    // flush: else a power cut could leave a part of it under its final name.
    await pipeline(source, createWriteStream(target, { flags: 'wx', mode: EXECUTABLE, flush: true }));
    await chmod(target, EXECUTABLE);
  } finally {
    zip.close();
  }
}

async function openMember(zip: ZipFile, member: string) {
  for await (const entry of zip.eachEntry()) {
    if (entry.fileName !== member) continue;
    if (entry.uncompressedSize > MAX_BYTES)
      throw new Permanent(`${member} is larger than ${MAX_BYTES} bytes`);
    return await zip.openReadStreamPromise(entry);
  }
  throw new Permanent(`has no ${member} in it`);
}
