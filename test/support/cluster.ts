import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from './eventually';
import { GraphqlClient } from './graphql-client';
import { ADMIN } from './trailgraph';
import { type SpawnedProgram, spawnProgram } from './worker-process';

const START_WITHIN_MS = 90_000;
const MASTER_KEY = Buffer.alloc(32, 7).toString('base64');

export interface ClusterServers {
  mongodbUri: string;
  redisUrl: string;
}

export interface ApiProcess extends SpawnedProgram {
  url: string;
}

/** Processes of the built product by role, as an operator runs them, on a database of their own. */
export class Cluster {
  readonly database = `chaos-${randomBytes(6).toString('hex')}`;
  readonly programs: SpawnedProgram[] = [];
  private readonly environment: Record<string, string>;

  constructor(servers: ClusterServers, settings: Record<string, string> = {}) {
    this.environment = {
      MONGODB_URI: this.in(servers.mongodbUri),
      REDIS_URL: servers.redisUrl,
      TRAILGRAPH_MASTER_KEY: MASTER_KEY,
      TRAILGRAPH_PREFIX: this.database,
      HOST: '127.0.0.1',
      PORT: '0',
      WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8',
      AWS_ENDPOINT_ALLOW_CIDRS: '127.0.0.0/8',
      TRAILGRAPH_LEASE_SECONDS: '3',
      LOG_LEVEL: 'warn',
      ...settings,
    };
  }

  /** The URI of the same server, with this database. */
  in(mongodbUri: string): string {
    return mongodbUri.replace('/trailgraph?', `/${this.database}?`);
  }

  async api(settings: Record<string, string> = {}): Promise<ApiProcess> {
    const program = this.spawn({ ROLE: 'api', ...settings });
    const banner = /API +(http:\S+)\/graphql/;
    let over = false;
    void program.ended(START_WITHIN_MS + 10_000).then(
      () => (over = true),
      () => undefined, // Still running: that is what is wanted.
    );
    await eventually(() => over || banner.test(program.output()), 'the API has started', START_WITHIN_MS);
    const url = banner.exec(program.output())?.[1];
    if (!url) throw new Error(`it ended instead of starting:\n${program.output()}`);
    return { ...program, url };
  }

  worker(settings: Record<string, string> = {}): SpawnedProgram {
    return this.spawn({ ROLE: 'worker', ...settings });
  }

  private spawn(settings: Record<string, string>): SpawnedProgram {
    const program = spawnProgram({ ...this.environment, ...settings });
    this.programs.push(program);
    return program;
  }

  /** CHAOS_OUTPUT names a folder in which the last 100,000 characters of each are kept, to see what they said. */
  async killAll(): Promise<void> {
    const { CHAOS_OUTPUT: folder } = process.env;
    if (folder) await mkdir(folder, { recursive: true });
    for (const { pid, output } of folder ? this.programs : [])
      await writeFile(join(folder!, `${this.database}-${pid}.log`), output());
    for (const program of this.programs) program.kill('SIGKILL');
    await Promise.all(this.programs.map((program) => program.ended(5_000)));
  }
}

/** Signs up the first user of a cluster. */
export async function firstUser(url: string): Promise<GraphqlClient> {
  const { signUp } = await new GraphqlClient(url).run<{ signUp: { accessToken: string } }>(
    'mutation ($input: CredentialsInput!) { signUp(input: $input) { accessToken } }',
    { input: ADMIN },
  );
  return new GraphqlClient(url, signUp.accessToken);
}
