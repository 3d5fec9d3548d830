import { SecretBox } from '../../auth/secret-box';
import { compareVersions, OLDEST } from '../../embedded/program-version';
import { requireMasterKey } from '../../rekey';
import type { StoreConnection } from '../../store/connection';
import { checkIndexes, type IndexFault } from '../../store/index-check';
import { SealedSecretStore } from '../../store/sealed-secrets';
import { type Check, fail, look, pass, warn } from './check';
import { judgeDisk } from './local-checks';

type Db = StoreConnection['db'];

const ANSWER_MS = 10_000;
const ASK = { timeoutMS: ANSWER_MS };
/** Work goes by the database's own time, so a skew only blurs what is shown. */
const SKEW_WARN_MS = 5_000;
/** AWS refuses requests that are signed 5 minutes off (a little more for S3), and receivers of webhooks do the same. */
const SKEW_FAIL_MS = 300_000;
const NAMED_AT_MOST = 5;

export function checkMongodb(db: Db): Promise<Check> {
  const remedy = 'The user of MONGODB_URI must be allowed to read and write its database.';
  return look('mongodb', remedy, async () => {
    const { version } = (await db.command({ buildInfo: 1 }, ASK)) as { version?: string };
    const { setName, msg } = (await db.command({ hello: 1 }, ASK)) as { setName?: string; msg?: string };
    const kind = msg === 'isdbgrid' ? 'sharded' : setName ? `replica set ${setName}` : 'standalone';
    if (compareVersions(version ?? '0', OLDEST.mongod) < 0)
      return fail(
        'mongodb',
        `${version} is older than ${OLDEST.mongod}`,
        `Use MongoDB ${OLDEST.mongod} or newer.`,
      );
    return pass('mongodb', `${version}, ${kind}`);
  });
}

/** @param now this machine's clock, in milliseconds */
export function checkClock(db: Db, now: () => number): Promise<Check> {
  const remedy = 'Set the clocks of this machine and of the database by NTP.';
  return look('clock', remedy, async () => {
    const before = now();
    const { localTime } = (await db.command({ hello: 1 }, ASK)) as { localTime?: unknown };
    if (!(localTime instanceof Date)) return warn('clock', 'the database does not tell its time', remedy);
    const skewMs = (before + now()) / 2 - localTime.getTime();
    const seconds = (Math.abs(skewMs) / 1_000).toFixed(1);
    const message = `this machine is ${seconds} s ${skewMs < 0 ? 'behind' : 'ahead of'} the database`;
    if (Math.abs(skewMs) > SKEW_FAIL_MS) return fail('clock', message, remedy);
    return Math.abs(skewMs) > SKEW_WARN_MS ? warn('clock', message, remedy) : pass('clock', message);
  });
}

/** @param eventsDays RETENTION_DAYS; undefined where it can't be read */
export function checkIndexesOf(db: Db, eventsDays: number | undefined): Promise<Check[]> {
  const found = async (): Promise<Check[]> => {
    const { wanted, faults } = await checkIndexes(db, { eventsDays: eventsDays ?? 90 });
    const missing = faults.filter(({ kind }) => kind === 'MISSING');
    const other = faults.filter(({ kind }) => kind === 'OPTIONS');
    const expiry = faults.filter(({ kind }) => kind === 'EXPIRY' && eventsDays !== undefined);
    if (missing.length === wanted)
      return [
        warn(
          'indexes',
          'there are none: no server has started on this database yet',
          'Start a server: it makes them.',
        ),
      ];
    const checks = [
      ...told(missing, 'missing', (message) =>
        fail(
          'indexes',
          message,
          'Restart a server: it makes them at its start. On much data that takes a while.',
        ),
      ),
      ...told(other, 'of another kind than they should be', (message) =>
        fail(
          'indexes',
          message,
          'Drop them (`db.<collection>.dropIndex(<keys>)`) and restart a server: it makes them anew.',
        ),
      ),
      ...told(expiry, `kept for another time than RETENTION_DAYS=${eventsDays} says here`, (message) =>
        warn(
          'indexes',
          message,
          'Restart the servers with the RETENTION_DAYS that you want, or give it to this command.',
        ),
      ),
    ];
    return checks.length > 0 ? checks : [pass('indexes', `all ${wanted} are there`)];
  };
  return found().catch(async (error: unknown) => [
    await look('indexes', 'The user of MONGODB_URI must be allowed to list indexes.', () =>
      Promise.reject(error),
    ),
  ]);
}

function told(faults: IndexFault[], what: string, check: (message: string) => Check): Check[] {
  if (faults.length === 0) return [];
  const named = faults.slice(0, NAMED_AT_MOST).map(({ index }) => index);
  const more = faults.length > named.length ? ` and ${faults.length - named.length} more` : '';
  return [
    check(`${faults.length} ${faults.length === 1 ? 'is' : 'are'} ${what}: ${named.join('; ')}${more}`),
  ];
}

/** Null where the database does not tell of its disk. */
export async function checkDatabaseDisk(db: Db): Promise<Check | null> {
  const { fsTotalSize, fsUsedSize } = (await db.command({ dbStats: 1 }, ASK).catch(() => ({}))) as Record<
    string,
    unknown
  >;
  // Of a database that has nothing in it yet, both are 0.
  if (typeof fsTotalSize !== 'number' || typeof fsUsedSize !== 'number' || fsTotalSize === 0) return null;
  return judgeDisk(fsTotalSize - fsUsedSize, fsTotalSize, 'the database');
}

/** Whether every secret of the database was sealed under one of these keys. */
export function checkMasterKey(db: Db, key: Buffer, previous: Buffer | null): Promise<Check> {
  return look('master key', 'Give the key that the servers of this database use.', async () => {
    const box = new SecretBox(key, previous);
    await requireMasterKey(new SealedSecretStore(db), box);
    return pass('master key', `${box.keyIds.join(' and ')} fits`);
  });
}
