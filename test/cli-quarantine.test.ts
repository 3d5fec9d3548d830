import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CommandResult, trailgraph } from './support/command';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { createPushSource, ledger, type PushSource, push } from './support/ledger';
import { newRecord } from './support/pushing';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

let app: TestTrailGraph;
let admin: GraphqlClient;
let source: PushSource;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trailgraph-cli-'));
  app = await startTrailGraph();
  admin = await app.admin();
  source = await createPushSource(admin);
});
afterAll(async () => {
  await app.stop();
  await rm(folder, { recursive: true, force: true });
});

const run = (args: string[], token = admin.token!): Promise<CommandResult> =>
  trailgraph([...args, '--url', app.url], { environment: { TRAILGRAPH_TOKEN: token }, cwd: folder });

const TIMELESS = 'the record has no readable eventTime';

test('quarantine is listed, shown and tried again from a terminal', async () => {
  expect(await run(['quarantine', 'list'])).toEqual({
    code: 0,
    stdout: 'Nothing is in quarantine.\n',
    stderr: '',
  });
  await push(app, source, [{ eventID: 'first' }, newRecord(), { eventID: 'second \u001b[2J\u202e' }]);
  const listed = await run(['quarantine', 'list', '--source', source.id, '--json']);
  const entries = listed.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { id: string; position: number });
  expect(entries.map(({ position }) => position).sort()).toEqual([0, 2]);
  const [first, second] = entries.sort((a, b) => a.position - b.position);
  const lines = await run(['quarantine', 'list']);
  expect(lines.stdout).toMatch(new RegExp(`^\\S+Z  ${source.id}  ${first!.id}  ${TIMELESS}$`, 'm'));
  const limited = await run(['quarantine', 'list', '--limit', '1']);
  expect(limited.stdout).toMatch(/\(the newest 1 of 2: see --limit\)\n$/);

  const shown = await run(['quarantine', 'show', second!.id]);
  expect(shown.code).toBe(0);
  expect(shown.stdout).toContain(`reason   ${TIMELESS}`);
  // Nothing that a stranger wrote steers the terminal.
  for (const steering of ['\u001b', '\u202e']) expect(shown.stdout).not.toContain(steering);
  expect(shown.stdout).toContain('\\u202e');
  expect(await run(['quarantine', 'show', 'nothing'])).toEqual({
    code: 1,
    stdout: '',
    stderr: 'trailgraph: There is no quarantined record nothing.\n',
  });

  expect(await run(['quarantine', 'retry', first!.id])).toEqual({
    code: 1,
    stdout: '1 tried again: 0 stored, 0 duplicates, 0 dropped, 1 rejected\n',
    stderr: `trailgraph: ${first!.id}: ${TIMELESS}\n`,
  });
  // A later version can read it.
  const quarantine = app.core.store.db.collection<{ _id: string }>('quarantine');
  for (const { id } of entries)
    await quarantine.updateOne({ _id: id }, { $set: { text: JSON.stringify(newRecord()) } });
  expect(await run(['quarantine', 'retry', '--all', '--source', source.id])).toEqual({
    code: 0,
    stdout: '2 tried again: 2 stored, 0 duplicates, 0 dropped, 0 rejected\n',
    stderr: '',
  });
  expect(await quarantine.countDocuments()).toBe(0);
});

test('a batch is tried again from a terminal', async () => {
  const id = 'push_from_terminal';
  await app.core.batches.add([
    {
      _id: id,
      sourceId: source.id,
      sourceKind: 'HTTP_PUSH',
      reference: 'pushed',
      payload: Buffer.from('no trail'),
    },
  ]);
  await eventually(
    async () => (await app.core.batches.get(id))?.state === 'QUARANTINED',
    'it is quarantined',
  );
  await ledger(app).batches.updateOne({ _id: id }, { $set: { payload: Buffer.from('{"Records":[]}') } });
  expect(await run(['batch', 'retry', id])).toEqual({
    code: 0,
    stdout: `${id} is tried again: pushed\n`,
    stderr: '',
  });
  await eventually(async () => (await app.core.batches.get(id))?.state === 'DONE', 'it is done');
  expect(await run(['batch', 'retry', id])).toEqual({
    code: 1,
    stdout: '',
    stderr: 'trailgraph: This batch is DONE: there is nothing to try again.\n',
  });
});

test.each([
  ['nothing named', ['quarantine', 'retry'], undefined, 'Name records by their ids, or say --all.'],
  [
    'ids and --all',
    ['quarantine', 'retry', 'x', '--all'],
    undefined,
    'Name records by their ids, or say --all.',
  ],
  [
    'no token',
    ['quarantine', 'list'],
    '',
    'Set TRAILGRAPH_TOKEN to an API key or the access token of an OPERATOR',
  ],
  ['an ingest token', ['quarantine', 'list'], 'ingest', 'does not know the token'],
])('with %s the commands say what to do, in one line', async (_, args, token, message) => {
  const { code, stdout, stderr } = await run(args, token === 'ingest' ? source.token : token);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});
