import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SealedSecret, SecretBox } from '../src/auth/secret-box';
import { type CommandResult, startProgram, trailgraph } from './support/command';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { createPushSource, type PushSource, push } from './support/ledger';
import { newRecord } from './support/pushing';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';
import { WebhookReceiver } from './support/webhook-receiver';
import { spawnProgram } from './support/worker-process';

const newKey = (): string => randomBytes(32).toString('base64');
const boxOf = (key: string): SecretBox => new SecretBox(Buffer.from(key, 'base64'));

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Secrets {
  app: TestTrailGraph;
  admin: GraphqlClient;
  source: string;
  pushed: PushSource;
  webhook: string;
  receiver: WebhookReceiver;
}

/** A database with one secret of each kind: 5 in all, with that of a deleted source. */
async function withSecrets(): Promise<Secrets> {
  const receiver = new WebhookReceiver();
  const url = await receiver.start();
  cleanups.push(() => receiver.stop());
  const app = await startTrailGraph();
  const admin = await app.admin();
  const create = async (name: string): Promise<string> => {
    const { createSource } = await admin.run<{ createSource: { source: { id: string } } }>(
      'mutation ($input: CreateSourceInput!) { createSource(input: $input) { source { id } } }',
      {
        input: {
          name,
          s3: { bucket: 'a-bucket', pollIntervalSeconds: 3600 },
          aws: { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'a secret', endpointUrl: 'http://127.0.0.1:1' },
        },
      },
    );
    return createSource.source.id;
  };
  const source = await create('kept');
  await admin.run('mutation ($id: ID!) { deleteSource(id: $id) }', { id: await create('deleted') });
  const pushed = await createPushSource(admin);
  const { createWebhook } = await admin.run<{ createWebhook: { webhook: { id: string }; secret: string } }>(
    'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } secret } }',
    {
      input: { name: 'w', url, sourceIds: [pushed.id], headers: [{ name: 'X-Key', value: 'header value' }] },
    },
  );
  receiver.trust(createWebhook.secret);
  return { app, admin, source, pushed, webhook: createWebhook.webhook.id, receiver };
}

function rekey(
  app: TestTrailGraph,
  environment: Record<string, string>,
  args: string[] = [],
): Promise<CommandResult> {
  const { MONGODB_URI = '', TRAILGRAPH_MASTER_KEY = '' } = app.environment;
  return trailgraph(['rekey', ...args], {
    environment: { MONGODB_URI, TRAILGRAPH_MASTER_KEY, ...environment },
  });
}

/** Whoever asks under this key gets everything that was sealed. */
async function expectOpen({ app, source, webhook }: Secrets, key: string): Promise<void> {
  const box = boxOf(key);
  const { aws } = (await app.core.sources.getAny(source))!;
  const keys = box.open(aws!.staticKeys!, { collection: 'sources', id: source, field: 'aws.staticKeys' });
  expect(JSON.parse(keys.toString())).toEqual({ accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'a secret' });
  const { headers } = (await app.core.webhooks.get(webhook))!;
  const place = { collection: 'webhooks', id: webhook, field: 'headers.x-key' };
  expect(box.open(headers[0]!.value as SealedSecret, place).toString()).toBe('header value');
}

describe('trailgraph rekey', () => {
  test('puts every secret under the new key: afterwards everything works with it, and nothing with the old', async () => {
    const before = await withSecrets();
    const { app, admin, receiver } = before;
    await app.stop();
    const key = newKey();
    const dry = await rekey(app, { TRAILGRAPH_NEW_MASTER_KEY: key }, ['--dry-run']);
    expect(dry).toMatchObject({ code: 0, stderr: '' });
    expect(dry.stdout).toMatch(/^5 secrets would go from key \w{16} to key \w{16}; 0 are under it already\./);
    const done = await rekey(app, { TRAILGRAPH_NEW_MASTER_KEY: key });
    expect(done.code).toBe(0);
    expect(done.stdout).toBe(
      '5 secrets were put under the new master key; 0 were already.\nNow start the servers with the new key as TRAILGRAPH_MASTER_KEY.\n',
    );
    const again = await rekey(app, { TRAILGRAPH_NEW_MASTER_KEY: key });
    expect(again.stdout).toMatch(/^0 secrets were put under the new master key; 5 were already\./);

    await expect(startTrailGraph({ database: app.database })).rejects.toThrow(
      /^This is not the master key of this database: the secret privateJwk in signing_keys signing-1/,
    );
    const settings = { TRAILGRAPH_MASTER_KEY: key };
    const after = await startTrailGraph({ database: app.database, settings });
    cleanups.push(() => after.stop());
    await expectOpen({ ...before, app: after }, key);
    // Who was logged in still is; deliveries are signed as before; the built-in source follows the key.
    const still = await fetch(`${after.url}/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${admin.token}`, 'content-type': 'application/json' },
      body: '{"query":"{ viewer { role } }"}',
    });
    expect(await still.json()).toMatchObject({ data: { viewer: { role: 'ADMIN' } } });
    const record = newRecord();
    expect(await push(after, before.pushed, [record])).toBe(200);
    await eventually(() => receiver.received.length > 0, 'the webhook hears');
    expect(receiver.received[0]!.eventIds).toEqual([record.eventID]);
    expect(receiver.faults).toEqual([]);
    expect(await push(after, { id: 'direct', token: after.api.directToken }, [newRecord()])).toBe(200);
    expect(await push(after, { id: 'direct', token: app.api.directToken }, [newRecord()])).toBe(401);
  });

  test('goes on where it was killed', async () => {
    const { app, webhook } = await withSecrets();
    await app.stop();
    const copies = 4_000;
    const client = await startTrailGraph({ database: app.database });
    const webhooks = client.core.store.db.collection<{ _id: string }>('webhooks');
    const [box, { secret: _, ...model }] = [
      boxOf(app.environment.TRAILGRAPH_MASTER_KEY!),
      (await webhooks.findOne({ _id: webhook })) as unknown as { secret: object; _id: string },
    ];
    await webhooks.insertMany(
      Array.from({ length: copies }, (__, index) => {
        const id = `whk_copy_${index}`;
        const secret = box.seal('whsec_x', { collection: 'webhooks', id, field: 'secret' });
        return { ...model, _id: id, headers: [], secret, deletedAt: new Date() };
      }),
    );
    const environment = {
      MONGODB_URI: app.environment.MONGODB_URI!,
      TRAILGRAPH_MASTER_KEY: app.environment.TRAILGRAPH_MASTER_KEY!,
      TRAILGRAPH_NEW_MASTER_KEY: newKey(),
    };
    const wanted = boxOf(environment.TRAILGRAPH_NEW_MASTER_KEY).keyId;
    const rewrapped = (): Promise<number> => webhooks.countDocuments({ 'secret.keyId': wanted });
    const args = ['rekey', '--servers-have-both'];
    const first = startProgram('cli/main.js', args, { environment });
    await eventually(async () => (await rewrapped()) >= 200, 'some are under the new key');
    first.child.kill('SIGKILL');
    await first.ended;
    const there = await rewrapped();
    expect(there).toBeLessThan(copies);
    await client.stop();
    const settings = { TRAILGRAPH_MASTER_KEY: environment.TRAILGRAPH_NEW_MASTER_KEY };
    await expect(startTrailGraph({ database: app.database, settings })).rejects.toThrow(
      /was interrupted, run it again/,
    );
    const second = await rekey(app, environment);
    expect(second.code).toBe(0);
    const [, put, already] = /^(\d+) secrets were put under the new master key; (\d+) were/.exec(
      second.stdout,
    )!;
    expect(Number(put) + Number(already)).toBe(copies + 5);
    expect(Number(already)).toBeGreaterThanOrEqual(there);
    const after = await startTrailGraph({ database: app.database, settings });
    await after.stop();
  });

  test('goes on under servers that have both keys, which then need the old one no more', async () => {
    const before = await withSecrets();
    await before.app.stop();
    const key = newKey();
    const old = before.app.environment.TRAILGRAPH_MASTER_KEY!;
    const both = { TRAILGRAPH_MASTER_KEY: key, TRAILGRAPH_PREVIOUS_MASTER_KEY: old };
    const app = await startTrailGraph({ database: before.app.database, settings: both });
    cleanups.push(() => app.stop());
    expect(await push(app, before.pushed, [newRecord()])).toBe(200);
    await eventually(() => before.receiver.received.length === 1, 'the webhook hears under both keys');
    expect(await push(app, { id: 'direct', token: app.api.directToken }, [newRecord()])).toBe(200);
    const refused = await rekey(before.app, { TRAILGRAPH_NEW_MASTER_KEY: key });
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toMatch(/^trailgraph: A server works on this database/);
    const done = await rekey(before.app, { TRAILGRAPH_NEW_MASTER_KEY: key }, ['--servers-have-both']);
    expect(done.stdout).toMatch(/^5 secrets were put.*\nNow take TRAILGRAPH_PREVIOUS_MASTER_KEY away/);
    await expectOpen({ ...before, app }, key);
    expect(await push(app, before.pushed, [newRecord()])).toBe(200);
    await eventually(() => before.receiver.received.length === 2, 'the webhook hears after it');
    expect(before.receiver.faults).toEqual([]);
  });

  test('changes nothing where a key is wrong, missing or none, and shows none of them', async () => {
    const { app, webhook } = await withSecrets();
    await app.stop();
    const [wrong, key] = [newKey(), newKey()];
    const foreign = await rekey(app, { TRAILGRAPH_MASTER_KEY: wrong, TRAILGRAPH_NEW_MASTER_KEY: key });
    expect(foreign).toMatchObject({ code: 2, stdout: '' });
    expect(foreign.stderr).toMatch(/^trailgraph: This is not the master key of this database: [^\n]*\n$/);
    const none = await rekey(app, { TRAILGRAPH_NEW_MASTER_KEY: 'canary, no key' });
    expect(none.stderr).toMatch(
      /^trailgraph: TRAILGRAPH_NEW_MASTER_KEY: a master key is 32 random bytes[^\n]*\n$/,
    );
    const missing = await rekey(app, {});
    expect(missing.stderr).toMatch(/^trailgraph: Give the new key by --to-key-file[^\n]*\n$/);
    const absent = await rekey(app, { TRAILGRAPH_MASTER_KEY: '', TRAILGRAPH_NEW_MASTER_KEY: key });
    expect(absent.stderr).toMatch(/^trailgraph: TRAILGRAPH_MASTER_KEY must be set[^\n]*\n$/);
    for (const { code, stderr } of [foreign, none, missing, absent]) {
      expect(code).toBe(2);
      for (const secret of [wrong, key, 'canary', app.environment.TRAILGRAPH_MASTER_KEY!])
        expect(stderr).not.toContain(secret);
    }
    // One that somebody changed: told by its place, before anything is written.
    const after = await startTrailGraph({ database: app.database });
    const webhooks = after.core.store.db.collection<{ _id: string }>('webhooks');
    await webhooks.updateOne(
      { _id: webhook },
      { $set: { 'secret.data': Buffer.alloc(60).toString('base64') } },
    );
    await after.stop();
    const broken = await rekey(app, { TRAILGRAPH_NEW_MASTER_KEY: key });
    expect(broken.stderr).toContain(
      `Nothing was changed: the secret in webhooks ${webhook} secret was changed`,
    );
    const untouched = await startTrailGraph({ database: app.database });
    await untouched.stop();
  });

  test('of embedded servers starts their database, and leaves the new key in their folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'trailgraph-rekey-'));
    cleanups.push(() => rm(folder, { recursive: true, force: true }));
    const dataDir = join(folder, 'data');
    const keyFile = join(dataDir, 'master.key');
    const toKeyFile = join(folder, 'new.key');
    const key = newKey();
    await writeFile(toKeyFile, `${key}\n`, { mode: 0o600 });
    const started = async () => {
      const program = spawnProgram({ DATA_DIR: dataDir, PORT: '0', DEMO_SOURCE: 'off', LOG_LEVEL: 'warn' });
      cleanups.push(async () => {
        program.kill('SIGKILL');
        await program.ended(5_000);
      });
      await eventually(() => /API +http/.test(program.output()), 'the banner is printed', 60_000);
      return program;
    };
    const running = await started();
    const old = await readFile(keyFile, 'utf8');
    const early = await trailgraph(['rekey', '--data-dir', dataDir, '--to-key-file', toKeyFile]);
    expect(early).toMatchObject({ code: 2, stdout: '' });
    expect(early.stderr).toMatch(/^trailgraph: Stop the server first: [^\n]*\n$/);
    running.kill('SIGTERM');
    await running.ended(30_000);
    const done = await trailgraph(['rekey', '--data-dir', dataDir, '--to-key-file', toKeyFile]);
    expect(done.code).toBe(0);
    expect(done.stdout).toBe(
      `1 secrets were put under the new master key; 0 were already.\n${keyFile} holds the new key: start the server as before.\n`,
    );
    expect(await readFile(keyFile, 'utf8')).toBe(`${key}\n`);
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
    expect(`${done.stdout}${done.stderr}`).not.toContain(old.trim());
    const again = await started();
    again.kill('SIGTERM');
    expect(await again.ended(30_000)).toEqual({ code: 0, signal: null });
  });
});

describe('the program', () => {
  test('does not start as a worker with another master key than the database was sealed with', async () => {
    const { app } = await withSecrets();
    await app.stop();
    const { MONGODB_URI = '', REDIS_URL = '' } = app.environment;
    const key = newKey();
    const worker = spawnProgram({ MONGODB_URI, REDIS_URL, ROLE: 'worker', TRAILGRAPH_MASTER_KEY: key });
    expect(await worker.ended(60_000)).toEqual({ code: 1, signal: null });
    expect(worker.output()).toMatch(
      /^TrailGraph could not start: This is not the master key of this database: [^\n]*\n$/,
    );
    expect(worker.output()).not.toContain(key);
  });

  test.each([
    [
      'no master key',
      {},
      /^TrailGraph could not start: The settings are not right:\n {2}TRAILGRAPH_MASTER_KEY must be set/,
    ],
    [
      'a master key that is none',
      { TRAILGRAPH_MASTER_KEY: 'canary' },
      /^TrailGraph could not start: The settings are not right:\n {2}TRAILGRAPH_MASTER_KEY: a master key is 32 random bytes/,
    ],
  ])('does not start with %s', async (_, given, said) => {
    const { TEST_MONGODB_URI = '', TEST_REDIS_URL = '' } = process.env;
    const program = spawnProgram({
      MONGODB_URI: TEST_MONGODB_URI,
      REDIS_URL: TEST_REDIS_URL,
      ...given,
    } as Record<string, string>);
    expect(await program.ended(60_000)).toEqual({ code: 1, signal: null });
    expect(program.output()).toMatch(said);
    expect(program.output()).not.toContain('canary');
  });
});
