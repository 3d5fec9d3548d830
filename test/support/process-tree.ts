import { readdir, readFile } from 'node:fs/promises';
import { identify, type ProcessIdentity } from '../../src/embedded/process-identity';

/** All processes that come from one, however far down. */
export async function descendantsOf(pid: number): Promise<ProcessIdentity[]> {
  const parents = new Map<number, number>();
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => ''); // It has ended meanwhile.
    const parent = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
    if (parent) parents.set(Number(name), Number(parent));
  }
  const found: ProcessIdentity[] = [];
  const isBelow = (child: number): boolean => {
    const parent = parents.get(child);
    return parent !== undefined && (parent === pid || isBelow(parent));
  };
  for (const child of parents.keys()) {
    const identity = isBelow(child) ? await identify(child) : undefined;
    if (identity) found.push(identity);
  }
  return found;
}

export async function stillThere(processes: ProcessIdentity[]): Promise<number[]> {
  const now = await Promise.all(processes.map(({ pid }) => identify(pid)));
  return processes.filter(({ started }, index) => now[index]?.started === started).map(({ pid }) => pid);
}

export const commandOf = async ({ pid }: ProcessIdentity): Promise<string> =>
  (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
