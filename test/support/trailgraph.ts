import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { RunningApi } from '../../src/api';
import { startTrailGraph as start, type TrailGraph } from '../../src/app';
import { readSettings } from '../../src/config/environment';
import { createLogger } from '../../src/observe/logger';
import type { CrashHook } from '../../src/pipeline/crash-points';
import { eventually } from './eventually';
import { GraphqlClient } from './graphql-client';

export interface TestOptions {
  /** Settings on top of those of a test. */
  settings?: Record<string, string>;
  crash?: CrashHook;
  /** A database that another instance uses as well. */
  database?: string;
  /** Where its servers are, if not those of the test run. */
  servers?: { mongodbUri: string; redisUrl: string };
  logLines?: string[];
}

export interface TestTrailGraph extends TrailGraph {
  api: RunningApi;
  url: string;
  database: string;
  /** The settings as an environment, for processes beside this one. */
  environment: Record<string, string>;
  /** Signs up the first user, or logs in, and returns a client with its token. */
  admin(): Promise<GraphqlClient>;
  anonymous: GraphqlClient;
  /** Waits until everything in the ledger is settled. */
  drain(): Promise<void>;
}

export const ADMIN = { email: 'admin@example.com', password: 'correct horse battery' };
const MASTER_KEY = Buffer.alloc(32, 7).toString('base64');

/** The real application with a worker in this process, on a database of its own. */
export async function startTrailGraph(options: TestOptions = {}): Promise<TestTrailGraph> {
  const database = options.database ?? `test-${randomBytes(6).toString('hex')}`;
  const servers = options.servers ?? {
    mongodbUri: process.env.TEST_MONGODB_URI!,
    redisUrl: process.env.TEST_REDIS_URL!,
  };
  const environment = {
    MONGODB_URI: servers.mongodbUri.replace('/trailgraph?', `/${database}?`),
    REDIS_URL: servers.redisUrl,
    TRAILGRAPH_MASTER_KEY: MASTER_KEY,
    TRAILGRAPH_PREFIX: database,
    HOST: '127.0.0.1',
    PORT: '0',
    WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8',
    AWS_ENDPOINT_ALLOW_CIDRS: '127.0.0.0/8',
    TRAILGRAPH_LEASE_SECONDS: '3',
    LOG_LEVEL: options.logLines ? 'debug' : 'error',
    ...options.settings,
  };
  const settings = readSettings(environment);
  const { logLines } = options;
  const running = await start({
    settings,
    version: '0.0.0-test',
    log: createLogger({
      level: settings.LOG_LEVEL,
      pretty: false,
      ...(logLines ? { destination: { write: (line) => void logLines.push(line) } } : {}),
    }),
    searchPath: '',
    cacheDir: '',
    webRoot: join(__dirname, '../../dist/web'),
    workers: null,
    crash: options.crash ?? (() => undefined),
  });
  const api = running.api!;
  const anonymous = new GraphqlClient(api.url);
  return {
    ...running,
    api,
    url: api.url,
    database,
    environment,
    anonymous,
    admin: () => signIn(anonymous),
    drain: () =>
      eventually(async () => (await running.core.batches.pendingCount()) === 0, 'the ledger is settled'),
  };
}

async function signIn(anonymous: GraphqlClient): Promise<GraphqlClient> {
  const fields = '(input: $input) { accessToken }';
  const signedUp = await anonymous.raw<{ signUp: { accessToken: string } }>(
    `mutation ($input: CredentialsInput!) { signUp${fields} }`,
    { input: ADMIN },
  );
  if (signedUp.data?.signUp) return anonymous.as(signedUp.data.signUp.accessToken);
  const { login } = await anonymous.run<{ login: { accessToken: string } }>(
    `mutation ($input: CredentialsInput!) { login${fields} }`,
    { input: ADMIN },
  );
  return anonymous.as(login.accessToken);
}
