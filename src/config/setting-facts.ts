import type { SettingName } from './settings';

/** Who reads a setting. A server with ROLE=all reads what the roles `api` and `worker` read as well. */
export type SettingReader = 'all' | 'api' | 'worker' | 'commands';

/** The sections of docs/configuration.md, in order. */
export const SUBJECTS = [
  'The process',
  'Stores',
  'Secrets at rest',
  'The API',
  'Ingest',
  'Webhooks',
  'Commands',
  'Set by TrailGraph itself',
] as const;

/** What the documentation says of a setting beside its description, its default and its limits. */
export interface SettingFacts {
  subject: (typeof SUBJECTS)[number];
  readBy: readonly SettingReader[];
  /** What a number counts. */
  unit?: string;
  /** What holds where it is not set and has no default. */
  otherwise?: string;
}

const SERVERS = ['api', 'worker'] as const;

/** Of every setting; the compiler tells of one that is missing. */
export const SETTING_FACTS: Readonly<Record<SettingName, SettingFacts>> = {
  ROLE: { subject: 'The process', readBy: ['all', ...SERVERS] },
  PORT: { subject: 'The process', readBy: ['api'], unit: 'TCP port' },
  METRICS_PORT: { subject: 'The process', readBy: ['worker'] },
  HOST: {
    subject: 'The process',
    readBy: ['api'],
    otherwise: '127.0.0.1 with embedded servers, else 0.0.0.0',
  },
  WORKERS: {
    subject: 'The process',
    readBy: ['all'],
    unit: 'processes',
    otherwise: 'one per core less one, at least one',
  },
  LOG_LEVEL: { subject: 'The process', readBy: SERVERS },
  DATA_DIR: { subject: 'Stores', readBy: ['all', 'commands'], unit: 'folder' },
  MONGODB_URI: { subject: 'Stores', readBy: [...SERVERS, 'commands'], otherwise: 'an embedded one' },
  REDIS_URL: { subject: 'Stores', readBy: [...SERVERS, 'commands'], otherwise: 'an embedded one' },
  REDIS_SENTINELS: { subject: 'Stores', readBy: [...SERVERS, 'commands'], otherwise: 'none' },
  REDIS_SENTINEL_NAME: { subject: 'Stores', readBy: [...SERVERS, 'commands'] },
  REDIS_SENTINEL_PASSWORD: { subject: 'Stores', readBy: [...SERVERS, 'commands'], otherwise: 'none' },
  REDIS_TLS_CA_FILE: {
    subject: 'Stores',
    readBy: [...SERVERS, 'commands'],
    unit: 'file',
    otherwise: 'those that Node trusts',
  },
  REDIS_TLS_CERT_FILE: {
    subject: 'Stores',
    readBy: [...SERVERS, 'commands'],
    unit: 'file',
    otherwise: 'none',
  },
  REDIS_TLS_KEY_FILE: {
    subject: 'Stores',
    readBy: [...SERVERS, 'commands'],
    unit: 'file',
    otherwise: 'none',
  },
  MONGOD_BINARY: {
    subject: 'Stores',
    readBy: ['all', 'commands'],
    unit: 'file',
    otherwise: 'looked for, then fetched',
  },
  VALKEY_BINARY: { subject: 'Stores', readBy: ['all'], unit: 'file', otherwise: 'looked for, then fetched' },
  RETENTION_DAYS: { subject: 'Stores', readBy: SERVERS, unit: 'days' },
  TRAILGRAPH_PREFIX: { subject: 'Stores', readBy: SERVERS },
  TRAILGRAPH_MASTER_KEY: {
    subject: 'Secrets at rest',
    readBy: [...SERVERS, 'commands'],
    otherwise: 'made under DATA_DIR with embedded servers, else it must be set',
  },
  TRAILGRAPH_PREVIOUS_MASTER_KEY: { subject: 'Secrets at rest', readBy: SERVERS, otherwise: 'none' },
  SIGNUP: { subject: 'The API', readBy: ['api'] },
  TRUST_PROXY: { subject: 'The API', readBy: ['api'], otherwise: 'nobody' },
  TLS_CERT_FILE: { subject: 'The API', readBy: ['api'], unit: 'file', otherwise: 'plain HTTP' },
  TLS_KEY_FILE: { subject: 'The API', readBy: ['api'], unit: 'file', otherwise: 'plain HTTP' },
  CORS_ORIGINS: { subject: 'The API', readBy: ['api'], otherwise: 'none' },
  WS_OPERATIONS: { subject: 'The API', readBy: ['api'] },
  GRAPHQL_INTROSPECTION: { subject: 'The API', readBy: ['api'] },
  GRAPHIQL: { subject: 'The API', readBy: ['api'] },
  APOLLO_SANDBOX: { subject: 'The API', readBy: ['api'] },
  RATE_LIMIT_CALLER: { subject: 'The API', readBy: ['api'], unit: 'points a minute' },
  RATE_LIMIT_ANONYMOUS: { subject: 'The API', readBy: ['api'], unit: 'points a minute' },
  PERSISTED_OPERATIONS: { subject: 'The API', readBy: ['api'] },
  PERSISTED_OPERATIONS_FILE: { subject: 'The API', readBy: ['api'], unit: 'file', otherwise: 'none' },
  DEMO_SOURCE: {
    subject: 'Ingest',
    readBy: ['api'],
    otherwise: 'on at the first start with embedded servers, else off',
  },
  AWS_ENDPOINT_ALLOW_CIDRS: { subject: 'Ingest', readBy: SERVERS, otherwise: 'none' },
  GEOIP_CITY_DB: {
    subject: 'Ingest',
    readBy: ['worker'],
    unit: 'file',
    otherwise: 'the data that comes along',
  },
  GEOIP_ASN_DB: {
    subject: 'Ingest',
    readBy: ['worker'],
    unit: 'file',
    otherwise: 'the data that comes along',
  },
  TRAILGRAPH_LEASE_SECONDS: { subject: 'Ingest', readBy: ['worker'], unit: 'seconds' },
  WEBHOOK_ALLOW_CIDRS: { subject: 'Webhooks', readBy: SERVERS, otherwise: 'none' },
  WEBHOOK_PROXY: { subject: 'Webhooks', readBy: SERVERS, otherwise: 'none' },
  WEBHOOK_PROXY_RESOLVES: { subject: 'Webhooks', readBy: ['worker'] },
  WEBHOOK_NO_PROXY: { subject: 'Webhooks', readBy: ['worker'], otherwise: 'none' },
  WEBHOOK_DNS_SERVERS: { subject: 'Webhooks', readBy: ['worker'], otherwise: "the system's resolver" },
  TRAILGRAPH_TOKEN: {
    subject: 'Commands',
    readBy: ['commands'],
    otherwise: 'the note of the server on DATA_DIR',
  },
  TRAILGRAPH_NEW_MASTER_KEY: { subject: 'Commands', readBy: ['commands'], otherwise: 'none' },
  TRAILGRAPH_OWN_PORTS: {
    subject: 'Set by TrailGraph itself',
    readBy: SERVERS,
    unit: 'TCP ports',
    otherwise: 'none',
  },
  TRAILGRAPH_CRASH_AT: {
    subject: 'Set by TrailGraph itself',
    readBy: [...SERVERS, 'commands'],
    otherwise: 'none',
  },
};
