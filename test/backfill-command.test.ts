import { backfillIn, readBackfill } from './support/backfills';
import { startProgram, trailgraph } from './support/command';
import { eventually } from './support/eventually';
import { type FaultyS3, startFaultyS3 } from './support/faulty-s3';
import type { GraphqlClient } from './support/graphql-client';
import { demoRecords } from './support/ledger';
import { logFile, logKey, makeBucketSource } from './support/log-files';
import { type S3Server, startS3Server } from './support/s3-server';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const BUSY = { status: 503, code: 'SlowDown' };
const RANGE = ['--from', '2024-03-05', '--to', '2024-03-06T00:00:00Z'];

describe('trailgraph backfill', () => {
  let app: TestTrailGraph;
  let server: S3Server;
  let proxy: FaultyS3;
  let admin: GraphqlClient;
  let sourceId: string;
  let options: { environment: Record<string, string> };

  beforeAll(async () => {
    [server, app] = await Promise.all([startS3Server(), startTrailGraph()]);
    proxy = await startFaultyS3(server.endpoint);
    admin = await app.admin();
    await server.makeBucket('commands');
    await server.put('commands', logKey('2024-03-05T09:00Z'), logFile(demoRecords(1, 0, 5)));
    sourceId = await makeBucketSource(admin, proxy, { bucket: 'commands', startAt: '2090-01-01T00:00:00Z' });
    options = { environment: { TRAILGRAPH_TOKEN: admin.token! } };
  }, 600_000);
  beforeEach(() => {
    proxy.fault = () => null;
  });
  afterAll(async () => {
    await app?.stop();
    await proxy?.close();
    await server?.close();
  });

  const run = (...args: string[]) => trailgraph(['backfill', ...args, '--url', app.url], options);
  const idIn = (text: string): string => /bf_[0-9a-f]+/.exec(text)![0];

  it('runs one to its end and sums it up in one line', async () => {
    const { code, stdout, stderr } = await run(sourceId, ...RANGE);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(
      /^bf_[0-9a-f]{20} is DONE: 5 records of 1 batches received, 5 stored, 0 known already\n$/,
    );
    expect(await readBackfill(admin, idIn(stdout))).toMatchObject({ state: 'DONE', deliver: false });
  }, 240_000);

  it('shows a bar at a terminal', async () => {
    const command = startProgram('cli/main.js', ['backfill', sourceId, ...RANGE, '--url', app.url], {
      ...options,
      terminal: true,
    });
    const { code, stdout } = await command.ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/█{30} 100\.0 % \| 0 events stored/);
  }, 240_000);

  it('leaves it running at Ctrl-C and says how to go on; it is paused, resumed and cancelled by its id', async () => {
    proxy.fault = ({ listed }) => (listed === null ? null : BUSY);
    const command = startProgram(
      'cli/main.js',
      ['backfill', sourceId, ...RANGE, '--deliver', '--url', app.url],
      {
        ...options,
      },
    );
    let id = '';
    await eventually(async () => {
      const { source } = await admin.run<{
        source: { backfills: { nodes: { id: string; state: string }[] } };
      }>('query ($id: ID!) { source(id: $id) { backfills(first: 1) { nodes { id state } } } }', {
        id: sourceId,
      });
      id = source.backfills.nodes[0]!.id;
      return source.backfills.nodes[0]!.state === 'RUNNING';
    }, 'it runs');
    command.child.kill('SIGINT');
    const left = await command.ended;
    expect(left.code).toBe(1);
    expect(left.stdout).toMatch(new RegExp(`^${id} is RUNNING at 0\\.0 %: 0 records`));
    expect(left.stderr).toContain(`\`trailgraph backfill --resume ${id}\` shows it again`);

    expect((await run('--pause', id)).stdout).toMatch(new RegExp(`^${id} is PAUSED at 0\\.0 %`));
    expect(await readBackfill(admin, id)).toMatchObject({ state: 'PAUSED', deliver: true });
    const resumed = startProgram('cli/main.js', ['backfill', '--resume', id, '--url', app.url], options);
    await backfillIn(admin, id, 'RUNNING');
    const cancelled = await run('--cancel', id);
    expect(cancelled).toMatchObject({ code: 0, stderr: '' });
    const ended = await resumed.ended;
    expect(ended).toMatchObject({ code: 1, stdout: expect.stringContaining(`${id} is CANCELLED`) });
    expect(await run('--resume', id)).toMatchObject({
      code: 1,
      stderr: `trailgraph: The backfill is CANCELLED: it can not become RUNNING.\n`,
    });
  }, 240_000);

  it.each<[string, string[], RegExp]>([
    [
      'no order',
      [],
      /Give a source with --from to start a backfill, or one of --resume, --pause and --cancel/,
    ],
    ['two orders', ['--pause', 'bf_1', '--cancel', 'bf_1'], /or one of --resume, --pause and --cancel/],
    ['no beginning', ['src_1'], /Say from when on, such as --from 2024-03-01/],
    ['a time without a zone', ['src_1', '--from', '2024-03-01T06:00'], /is not a time, such as/],
    ['a day that is none', ['src_1', '--from', '2024-13-01'], /--from 2024-13-01 is not a time/],
  ])('refuses %s in one line', async (_, args, message) => {
    const { code, stdout, stderr } = await run(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^trailgraph: [^\n]*\n$/);
    expect(stderr).toMatch(message);
  });

  it('says what is missing: a token, a server, a source', async () => {
    const without = await trailgraph(['backfill', sourceId, ...RANGE, '--url', app.url]);
    expect(without).toMatchObject({ code: 2, stderr: expect.stringContaining('Set TRAILGRAPH_TOKEN') });
    const nobody = await trailgraph(['backfill', 'x', ...RANGE, '--url', 'http://127.0.0.1:1'], options);
    expect(nobody).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('No server answers at http://127.0.0.1:1'),
    });
    expect(await run('src_none', ...RANGE)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('There is no source src_none.'),
    });
    const wrong = { environment: { TRAILGRAPH_TOKEN: 'nonsense' } };
    const refused = await trailgraph(['backfill', sourceId, ...RANGE, '--url', app.url], wrong);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('does not know the token') });
    expect(refused.stderr).not.toContain('nonsense');
  }, 240_000);
});
