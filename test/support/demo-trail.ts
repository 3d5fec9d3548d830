import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { CloudTrailRecord } from '../../src/domain/event';
import { ACCOUNTS } from '../../src/sources/demo/accounts';
import { demoRecord } from '../../src/sources/demo/demo-record';
import { demoDueAt } from '../../src/sources/demo/demo-source';
import { Dice } from '../../src/sources/demo/prng';

export interface TrailObject {
  /** `AWSLogs/<account>/CloudTrail/<region>/YYYY/MM/DD/<account>_CloudTrail_<region>_..._<16 characters>.json.gz` */
  key: string;
  path: string;
}

export interface DemoTrailOptions {
  seed: number;
  /** How many records in all; at least one. */
  records: number;
  /** How many objects in all; fewer are written where there are fewer records than that. */
  objects: number;
  /** Only these of the demo's accounts. */
  accounts?: readonly string[];
  /** What the event ids are made of, beside the seed: trails with different ones have no record in common. */
  sourceId?: string;
  start?: Date;
  eventsPerSecond?: number;
}

export interface Trail {
  kind: 'real' | 'generated';
  /** The folder in which the keys begin. */
  root: string;
  objects: TrailObject[];
  /** Counted in the files. */
  records: number;
  /** Removes a generated trail; a real one is left alone. */
  remove(): Promise<void>;
}

const REPOSITORY = resolve(__dirname, '../..');
const DELIVERY_MS = 5 * 60_000;

/** Records of one account and Region, which share their objects with no others. */
interface Group {
  account: string;
  region: string;
  /** How many records the objects to come hold. */
  sizes: number[];
  pending: string[];
}

function groupsOf(accounts: readonly string[] | undefined, most: number): Map<string, Group> {
  const chosen = ACCOUNTS.filter(({ id }) => !accounts || accounts.includes(id));
  const groups = chosen.flatMap(({ id, regions }) =>
    [...new Set(regions)].map((region): Group => ({ account: id, region, sizes: [], pending: [] })),
  );
  if (groups.length === 0 || most < 1) throw new RangeError('a demo trail needs an account and an object');
  return new Map(groups.slice(0, most).map((group) => [`${group.account} ${group.region}`, group]));
}

function* recordsOf(
  options: DemoTrailOptions,
  groups: ReadonlyMap<string, Group>,
): Generator<{ group: Group; record: CloudTrailRecord; time: Date }> {
  const {
    seed,
    sourceId = 'demo-trail',
    start = new Date('2025-06-12T09:00:00Z'),
    eventsPerSecond = 0.5,
  } = options;
  const timeOf = (n: number) => demoDueAt({ startedAt: start, eventsPerSecond }, n);
  for (let n = 0, found = 0; found < options.records; n++) {
    const time = timeOf(n);
    const record = demoRecord({ seed, sourceId, n, eventTime: time, timeOf });
    const group = groups.get(`${record.recipientAccountId} ${record.awsRegion}`);
    // A trail keeps its Insight records in a folder of their own, beside CloudTrail/.
    if (!group || record.eventCategory === 'Insight') continue;
    found += 1;
    yield { group, record, time };
  }
}

/** Shares the objects out among the groups by their records, at least one each, and their records among the objects. */
function planObjects(counts: ReadonlyMap<Group, number>, records: number, objects: number): void {
  let left = Math.min(objects, records);
  let unplanned = records;
  const smallestFirst = [...counts].sort((a, b) => a[1] - b[1]);
  for (const [i, [group, count]] of smallestFirst.entries()) {
    const others = smallestFirst.length - i - 1;
    const fair = Math.max(1, Math.round((left * count) / unplanned));
    const share = others === 0 ? left : Math.min(fair, count, left - others);
    group.sizes = Array.from({ length: share }, (_, part) => {
      return Math.floor(((part + 1) * count) / share) - Math.floor((part * count) / share);
    });
    left -= share;
    unplanned -= count;
  }
}

function objectKey(group: Group, last: Date, name: string): string {
  const delivered = new Date((Math.floor(last.getTime() / DELIVERY_MS) + 1) * DELIVERY_MS).toISOString();
  const day = delivered.slice(0, 10);
  const stamp = `${day.replaceAll('-', '')}T${delivered.slice(11, 16).replace(':', '')}Z`;
  const { account, region } = group;
  const folder = `AWSLogs/${account}/CloudTrail/${region}/${day.replaceAll('-', '/')}`;
  return `${folder}/${account}_CloudTrail_${region}_${stamp}_${name}.json.gz`;
}

/**
 * Writes records of the demo generator under `dir` as a trail would deliver them, the same bytes for the same options.
 * Returns the objects in the order of their keys. Holds no more than an object of each account and Region at a time.
 */
export async function writeDemoTrail(dir: string, options: DemoTrailOptions): Promise<TrailObject[]> {
  const groups = groupsOf(options.accounts, options.objects);
  const counts = new Map<Group, number>();
  for (const { group } of recordsOf(options, groups)) counts.set(group, (counts.get(group) ?? 0) + 1);
  planObjects(counts, options.records, options.objects);

  const objects: TrailObject[] = [];
  for (const { group, record, time } of recordsOf(options, groups)) {
    group.pending.push(JSON.stringify(record));
    if (group.pending.length < (group.sizes[0] ?? 0)) continue;
    const name = Dice.named(`object ${options.seed} ${options.sourceId} ${objects.length}`).alphanumeric(16);
    const key = objectKey(group, time, name);
    const path = join(dir, ...key.split('/'));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, gzipSync(`{"Records":[${group.pending.join(',')}]}`));
    objects.push({ key, path });
    group.pending = [];
    group.sizes.shift();
  }
  return objects.sort((a, b) => (a.key < b.key ? -1 : 1));
}

function realRoot(): string | null {
  const named = process.env.TRAIL_DATA;
  if (named) {
    if (!existsSync(join(named, 'AWSLogs')))
      throw new Error(`TRAIL_DATA is ${named}, where no AWSLogs folder is`);
    return resolve(named);
  }
  const shared = resolve(REPOSITORY, '../shared/data');
  return existsSync(join(shared, 'AWSLogs')) ? shared : null;
}

/** Which trail `trail()` will give, known at once so that tests can say it in their names. */
export function trailKind(): Trail['kind'] {
  return realRoot() ? 'real' : 'generated';
}

async function objectsUnder(root: string): Promise<TrailObject[]> {
  const entries = await readdir(join(root, 'AWSLogs'), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.json.gz'))
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return { key: relative(root, path).split(sep).join('/'), path };
    })
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** The records of an object of a trail. */
export async function recordsIn(object: TrailObject): Promise<CloudTrailRecord[]> {
  const { Records } = JSON.parse(gunzipSync(await readFile(object.path)).toString('utf8')) as {
    Records: CloudTrailRecord[];
  };
  return Records;
}

/**
 * A trail to test with: the real one of TRAIL_DATA or of `../shared/data` beside the repository; in a clone without it
 * a generated one of the same size (55 objects, 2,900 records) in a temporary folder, which the caller removes.
 */
export async function trail(): Promise<Trail> {
  const real = realRoot();
  const root = real ?? (await mkdtemp(join(tmpdir(), 'trailgraph-trail-')));
  if (!real) await writeDemoTrail(root, { seed: 1, records: 2900, objects: 55 });
  const objects = await objectsUnder(root);
  let records = 0;
  for (const object of objects) records += (await recordsIn(object)).length;
  return {
    kind: real ? 'real' : 'generated',
    root,
    objects,
    records,
    remove: async () => {
      if (!real) await rm(root, { recursive: true, force: true });
    },
  };
}
