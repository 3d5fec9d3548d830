import { messageOf } from '../../domain/errors';
import { compareVersions, OLDEST } from '../../embedded/program-version';
import { connectValkey, faultOf, requireSingleServer } from '../../valkey/connect';
import type { ValkeyPlace } from '../../valkey/place';
import { valkeyRefusal } from '../../valkey/refusal';
import { askSentinels, type SentinelAnswer } from '../../valkey/sentinel';
import { type Check, fail, look, pass, warn } from './check';

const CONNECT_MS = 3_000;

/** Who its Sentinels say is the master, where there are any; its version, and what it does when it is full. */
export async function checkValkey(place: ValkeyPlace): Promise<Check[]> {
  const found: Check[] = place.sentinel ? [judgeSentinels(await askSentinels(place))] : [];
  if (found.some(({ status }) => status === 'FAIL')) return found;
  const remedy = 'Is REDIS_URL right, with its password, and is the server up?';
  const fault = await look('valkey', remedy, async () => {
    const client = connectValkey(place, 'doctor');
    try {
      const fault = await faultOf(client, CONNECT_MS);
      if (fault !== null) throw new Error(valkeyRefusal(fault) ?? messageOf(fault));
      await requireSingleServer(client);
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

/** Fewer than three can't outvote one that is wrong, and all of them should say the same. */
function judgeSentinels(answers: SentinelAnswer[]): Check {
  const masters = [
    ...new Set(answers.flatMap(({ master }) => (master ? `${master.host}:${master.port}` : []))),
  ];
  const silent = answers.filter(({ fault }) => fault !== null);
  const told = silent.map(
    ({ sentinel, fault }) => `${sentinel.host}:${sentinel.port}: ${messageOf(fault, 100)}`,
  );
  const remedy =
    'Are REDIS_SENTINELS, REDIS_SENTINEL_NAME and REDIS_SENTINEL_PASSWORD right (with rediss:// they are spoken to by TLS, ' +
    'and must be trusted by REDIS_TLS_CA_FILE), and are they up?';
  if (masters.length === 0)
    return fail(
      'sentinel',
      told.length > 0 ? `no Sentinel tells of a master: ${told.join('; ')}` : 'no Sentinel knows that name',
      remedy,
    );
  if (masters.length > 1)
    return warn(
      'sentinel',
      `they name several masters: ${masters.join(', ')}`,
      'Look again when a failover is over.',
    );
  const message = `${answers.length - silent.length} of ${answers.length} answer, the master is ${masters[0]}`;
  if (silent.length > 0) return warn('sentinel', `${message}; ${told.join('; ')}`, remedy);
  return answers.length >= 3
    ? pass('sentinel', message)
    : warn('sentinel', message, 'Name three Sentinels or more, on machines of their own.');
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
