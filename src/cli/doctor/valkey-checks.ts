import { once } from 'node:events';
import { compareVersions, OLDEST } from '../../embedded/program-version';
import { connectValkey } from '../../valkey/connect';
import { type Check, fail, look, pass } from './check';

const CONNECT_MS = 3_000;

/** Its version, and what it does when it is full. */
export async function checkValkey(url: string): Promise<Check[]> {
  const found: Check[] = [];
  const remedy = 'Is REDIS_URL right, with its password, and is the server up?';
  const fault = await look('valkey', remedy, async () => {
    const client = connectValkey(url, 'doctor');
    try {
      await once(client, 'ready', { signal: AbortSignal.timeout(CONNECT_MS) });
      found.push(versionOf(fields(await client.info('server'))));
      return evictionOf(fields(await client.info('memory')));
    } finally {
      client.disconnect();
    }
  });
  return [...found, fault];
}

function versionOf({ valkey_version: valkey, redis_version: redis = '0' }: Fields): Check {
  const [product, version] = valkey ? (['valkey', valkey] as const) : (['redis', redis] as const);
  return compareVersions(version, OLDEST[product]) >= 0
    ? pass('valkey', `${product} ${version}`)
    : fail(
        'valkey',
        `${product} ${version} is older than ${OLDEST[product]}`,
        `Use Valkey ${OLDEST.valkey} or newer, or Redis ${OLDEST.redis} or newer.`,
      );
}

/** What is thrown out without a word is the count of sign-ins that failed, AWS's rate that is shared, and hints. */
function evictionOf({ maxmemory_policy: policy = 'unknown' }: Fields): Check {
  return policy === 'noeviction'
    ? pass('eviction', 'noeviction')
    : fail(
        'eviction',
        `Valkey throws keys out when it is full (maxmemory-policy is ${policy}): limits of rates and of sign-ins would be forgotten`,
        'Set it: `CONFIG SET maxmemory-policy noeviction`, and the same in its configuration file.',
      );
}

type Fields = Partial<Record<string, string>>;

function fields(info: string): Fields {
  return Object.fromEntries(
    info
      .split(/\r?\n/)
      .filter((line) => line.includes(':'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );
}
