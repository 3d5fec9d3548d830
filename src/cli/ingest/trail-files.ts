import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { messageOf } from '../../domain/errors';

export interface TrailFile {
  /** As it was given, or found in a folder that was given. */
  path: string;
  size: number;
}

/** A file that could not be taken, or not wholly, and why. */
export interface FileFault {
  file: string;
  reason: string;
}

export interface FoundFiles {
  files: TrailFile[];
  faults: FileFault[];
  /** Digests, which lie beside the trail and hold no records. */
  skipped: number;
}

const TRAIL_FILE = /\.json(\.gz)?$/i;
const DIGEST = /_CloudTrail-Digest_[^/]*$/;

/** Files as they are named, whatever their names; in folders all that are called .json or .json.gz. Each once. */
export async function findTrailFiles(paths: string[]): Promise<FoundFiles> {
  const found: FoundFiles = { files: [], faults: [], skipped: 0 };
  const seen = new Set<string>();
  const add = (file: TrailFile): void => {
    const key = resolve(file.path);
    if (!seen.has(key)) found.files.push(file);
    seen.add(key);
  };
  for (const path of paths) {
    try {
      const about = await stat(path);
      if (about.isFile()) add({ path, size: about.size });
      else if (about.isDirectory()) await addFolder(path, found, add);
      else found.faults.push({ file: path, reason: 'this is neither a file nor a folder' });
    } catch (error) {
      found.faults.push({ file: path, reason: fileFault(error) });
    }
  }
  return found;
}

async function addFolder(folder: string, found: FoundFiles, add: (file: TrailFile) => void): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => (entry.isFile() || entry.isSymbolicLink()) && TRAIL_FILE.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  if (paths.length === 0) found.faults.push({ file: folder, reason: 'no .json or .json.gz file lies in it' });
  for (const path of paths) {
    if (DIGEST.test(basename(path))) {
      found.skipped++;
      continue;
    }
    try {
      const about = await stat(path);
      if (about.isFile()) add({ path, size: about.size });
    } catch (error) {
      found.faults.push({ file: path, reason: fileFault(error) });
    }
  }
}

/** What is wrong with a file, in words. */
export function fileFault(error: unknown): string {
  const { code } = error as { code?: unknown };
  if (code === 'ENOENT') return 'there is no such file or folder';
  if (code === 'EACCES' || code === 'EPERM') return 'it may not be read by you';
  if (code === 'ELOOP') return 'it is a link to itself';
  return messageOf(error);
}
