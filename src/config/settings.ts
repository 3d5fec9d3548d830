import { z } from 'zod';
import { masterKeyFrom } from '../auth/secret-box';
import { parseCidrs } from '../net/address-guard';
import { parseDnsServers } from '../net/dns-servers';
import { parseNoProxy, parseProxy } from '../net/proxy-address';
import { valkeyAddress } from '../valkey/place';
import { parseSentinels } from '../valkey/sentinel';

const flag = (fallback: boolean) =>
  z
    .enum(['on', 'off', 'true', 'false', '1', '0'], { error: 'must be on or off' })
    .transform((text) => text === 'on' || text === 'true' || text === '1')
    .default(fallback);

const integer = (min: number, max: number) =>
  z.coerce
    .number({ error: `must be a whole number from ${min} to ${max}` })
    .int()
    .min(min)
    .max(max);

const cidrs = z
  .string()
  .default('')
  .transform((text, context) => {
    try {
      return parseCidrs(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
      return z.NEVER;
    }
  });

/** The text as it is, once it can be read. */
const readableBy = (read: (text: string) => unknown) =>
  z.string().superRefine((text, context) => {
    try {
      read(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
    }
  });

const optional = z.string().min(1).optional();

const masterKey = readableBy(masterKeyFrom).optional();

/** As browsers write one: what they write differently would never match. */
const isOrigin = (text: string): boolean =>
  /^https?:[^*]+$/.test(text) && URL.canParse(text) && new URL(text).origin === text;

const origins = z
  .string()
  .default('')
  .transform((text, context) => {
    const given = text.split(',').flatMap((part) => part.trim() || []);
    const wrong = given.filter((each) => !isOrigin(each));
    for (const each of wrong)
      context.addIssue({
        code: 'custom',
        message: `${each} is no origin: give scheme, host and port as browsers do, such as https://app.example.com`,
      });
    return wrong.length > 0 ? z.NEVER : given;
  });

function requireMongoScheme(text: string): void {
  if (!/^mongodb(\+srv)?:\/\//.test(text))
    throw new TypeError('must begin with mongodb:// or mongodb+srv://');
}

/**
 * Every setting, named and described once; setting-facts.ts says what else a reader of the documentation wants to know.
 * Run `trailgraph config --markdown --out docs/configuration.md` after a change. Secrets may also come from a file: NAME_FILE holds its
 * path. MONGODBCONNECTION is another name of MONGODB_URI.
 */
export const SETTINGS = z.object({
  ROLE: z
    .enum(['all', 'api', 'worker'])
    .default('all')
    .describe('What this process does; `all` starts its workers as child processes.'),
  PORT: integer(0, 65_535).default(4000).describe('TCP port of the API; 0 takes a free one.'),
  METRICS_PORT: integer(0, 65_535)
    .optional()
    .describe(
      'TCP port of /livez, /readyz and /metrics where ROLE=worker; absent: none. `api` and `all` serve them at PORT.',
    ),
  HOST: optional.describe('Address to listen on; 127.0.0.1 with embedded servers, else 0.0.0.0.'),
  DATA_DIR: z
    .string()
    .min(1)
    .default('./data')
    .describe('Where embedded servers keep their data, and the master key.'),
  MONGODB_URI: readableBy(requireMongoScheme)
    .optional()
    .describe('MongoDB to use, mongodb:// or mongodb+srv://; absent: an embedded one.'),
  REDIS_URL: readableBy(valkeyAddress)
    .optional()
    .describe(
      'Valkey or Redis to use, redis:// or rediss://; absent: an embedded one. With REDIS_SENTINELS: user, password, database and TLS alone.',
    ),
  REDIS_SENTINELS: readableBy(parseSentinels)
    .default('')
    .transform(parseSentinels)
    .describe('Sentinels that know the master, host:port, separated by commas; none: REDIS_URL says where.'),
  REDIS_SENTINEL_NAME: z.string().min(1).default('mymaster').describe('What the Sentinels call the master.'),
  REDIS_SENTINEL_PASSWORD: optional.describe('The password that the Sentinels themselves ask for.'),
  REDIS_TLS_CA_FILE: optional.describe(
    'PEM file of the authorities that sign the certificates of Valkey and its Sentinels, in the place of those that Node trusts; with rediss://.',
  ),
  REDIS_TLS_CERT_FILE: optional.describe(
    'PEM file of the certificate that Valkey and its Sentinels are shown, where they ask for one.',
  ),
  REDIS_TLS_KEY_FILE: optional.describe(
    'PEM file of the private key of REDIS_TLS_CERT_FILE, without a passphrase.',
  ),
  MONGOD_BINARY: optional.describe('The mongod program to embed.'),
  VALKEY_BINARY: optional.describe('The valkey-server or redis-server program to embed.'),
  WORKERS: integer(0, 64)
    .optional()
    .describe('Worker processes of ROLE=all; one per core less one, at least one.'),
  DEMO_SOURCE: z
    .enum(['on', 'off'])
    .optional()
    .describe('Whether a demo source is made at the first start; on with embedded servers.'),
  SIGNUP: z
    .enum(['closed', 'open'])
    .default('closed')
    .describe('Whether anybody may sign up (as VIEWER) after the first user.'),
  GEOIP_CITY_DB: optional.describe('MaxMind City file to use instead of the data that comes along.'),
  GEOIP_ASN_DB: optional.describe('MaxMind ASN file to use instead of the data that comes along.'),
  WEBHOOK_ALLOW_CIDRS: cidrs.describe(
    'Private or loopback ranges that webhooks may reach, separated by commas.',
  ),
  WEBHOOK_PROXY: readableBy(parseProxy)
    .optional()
    .describe('HTTP proxy that all webhooks go through: http:// or https://, user:password@host:port.'),
  WEBHOOK_PROXY_RESOLVES: flag(false).describe(
    'Whether the proxy resolves the names of webhooks, and checks their addresses, in our place.',
  ),
  WEBHOOK_NO_PROXY: readableBy(parseNoProxy)
    .default('')
    .describe('Names (with all below them) and address ranges of webhooks that go without the proxy.'),
  WEBHOOK_DNS_SERVERS: readableBy(parseDnsServers)
    .default('')
    .transform(parseDnsServers)
    .describe(
      "Name servers for webhooks, address[:port], separated by commas; absent: the system's resolver.",
    ),
  AWS_ENDPOINT_ALLOW_CIDRS: cidrs.describe(
    "Private or loopback ranges that sources' own endpoints may lie in.",
  ),
  TRUST_PROXY: cidrs.describe(
    'Addresses or ranges of reverse proxies whose X-Forwarded-For is believed, separated by commas; none: nobody is.',
  ),
  TLS_CERT_FILE: optional.describe(
    'PEM file of the certificate, with its chain, that the API is served with by HTTPS and wss; a renewed one is used without a restart.',
  ),
  TLS_KEY_FILE: optional.describe('PEM file of the private key of TLS_CERT_FILE, without a passphrase.'),
  CORS_ORIGINS: origins.describe(
    'Web pages elsewhere that may call the API by HTTP and WebSocket, by their origin (https://app.example.com), separated by commas; our own pages always may, those of Apollo Sandbox by APOLLO_SANDBOX.',
  ),
  WS_OPERATIONS: z
    .enum(['subscriptions', 'all'])
    .default('subscriptions')
    .describe('What may run over WebSocket.'),
  GRAPHQL_INTROSPECTION: flag(true).describe('Whether the schema may be asked for.'),
  GRAPHIQL: flag(true).describe('Whether GraphiQL is served at /graphiql.'),
  APOLLO_SANDBOX: flag(true).describe(
    'Whether the Apollo Sandbox page is served and its origins are allowed.',
  ),
  RATE_LIMIT_CALLER: integer(0, 1_000_000_000)
    .default(600_000)
    .describe(
      'Points that each user or API key may spend on GraphQL in a minute: the cost of an operation, at least 1. 0: no limit.',
    ),
  RATE_LIMIT_ANONYMOUS: integer(0, 1_000_000_000)
    .default(12_000)
    .describe(
      'Points that all who did not log in may spend on GraphQL in a minute, for each address. 0: no limit.',
    ),
  PERSISTED_OPERATIONS: z
    .enum(['off', 'allow', 'only'])
    .default('off')
    .describe(
      'Whether GraphQL documents may be named by their SHA-256 (`allow`), or no others run at all (`only`).',
    ),
  PERSISTED_OPERATIONS_FILE: optional.describe(
    'The manifest of such documents, as `trailgraph operations --out` writes one: a JSON object of texts by SHA-256.',
  ),
  RETENTION_DAYS: integer(7, 36_500)
    .default(90)
    .describe('Days that events are kept after they were stored.'),
  TRAILGRAPH_MASTER_KEY: masterKey.describe('32 random bytes, base64 or hex, that seal secrets at rest.'),
  TRAILGRAPH_PREVIOUS_MASTER_KEY: masterKey.describe(
    'The master key of before, while `trailgraph rekey` runs: what it sealed is still opened.',
  ),
  TRAILGRAPH_CRASH_AT: optional.describe('For tests: the named stage at which the process kills itself.'),
  TRAILGRAPH_LEASE_SECONDS: integer(1, 600)
    .default(30)
    .describe('How long work stays with a worker that says nothing.'),
  TRAILGRAPH_PREFIX: z
    .string()
    .regex(/^[a-z0-9-]{1,40}$/)
    .default('trailgraph')
    .describe('Namespace of keys and channels in Valkey.'),
  TRAILGRAPH_OWN_PORTS: z
    .string()
    .regex(/^(\d{1,5}(,\d{1,5})*)?$/, 'must be port numbers separated by commas')
    .default('')
    .transform((text) => text.split(',').filter(Boolean).map(Number))
    .describe('Loopback ports that no webhook and no endpoint may reach: those of embedded servers.'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('Least level of log lines.'),
});

export type Settings = z.infer<typeof SETTINGS>;

/** What the commands take from the environment, beside their options. */
export const COMMAND_SETTINGS = SETTINGS.pick({
  DATA_DIR: true,
  MONGODB_URI: true,
  MONGOD_BINARY: true,
  TRAILGRAPH_MASTER_KEY: true,
  TRAILGRAPH_CRASH_AT: true,
}).extend({
  TRAILGRAPH_NEW_MASTER_KEY: optional.describe('For `trailgraph rekey`: the master key to come.'),
  TRAILGRAPH_TOKEN: optional.describe(
    'For commands: the ingest token of a source, or the access token or API key of an OPERATOR.',
  ),
});

export type CommandSettings = z.infer<typeof COMMAND_SETTINGS>;

/** Whatever the environment may set, of servers and of commands. */
export const ALL_SETTINGS = SETTINGS.extend(COMMAND_SETTINGS.shape);

export type SettingName = keyof typeof ALL_SETTINGS.shape;

/** Settings that are shown to nobody, and may be read from a file named by NAME_FILE. */
export const SECRET_SETTINGS = [
  'MONGODB_URI',
  'REDIS_URL',
  'REDIS_SENTINEL_PASSWORD',
  'WEBHOOK_PROXY',
  'TRAILGRAPH_MASTER_KEY',
  'TRAILGRAPH_PREVIOUS_MASTER_KEY',
  'TRAILGRAPH_NEW_MASTER_KEY',
  'TRAILGRAPH_TOKEN',
] as const;

export const ALIASES: Readonly<Record<string, keyof Settings>> = { MONGODBCONNECTION: 'MONGODB_URI' };
