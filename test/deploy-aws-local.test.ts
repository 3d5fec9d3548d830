import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from './support/eventually';
import { storedIds } from './support/ledger';
import { type S3Server, startS3Server } from './support/s3-server';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const ROOT = join(__dirname, '..');
const page = readFileSync(join(ROOT, 'docs/aws-local.md'), 'utf8');

let server: S3Server;
let app: TestTrailGraph;

beforeAll(async () => {
  [server, app] = await Promise.all([startS3Server(), startTrailGraph()]);
});
afterAll(async () => {
  await app?.stop();
  await server?.close();
});

const init = () =>
  promisify(execFile)(process.execPath, [join(ROOT, 'deploy/aws-local/init.mjs'), server.endpoint], {
    timeout: 60_000,
  });

test('the profile aws-local makes a trail that the source of docs/aws-local.md reads; made again it has another log file', async () => {
  expect((await init()).stdout).toMatch(/^bucket trail, queue http\S+\/trail, log file AWSLogs\//);
  const [, mutation = ''] = /```graphql\n([\s\S]*?)```/.exec(page) ?? [];
  await (await app.admin()).run(mutation.replaceAll('http://aws-local:4566', server.endpoint));
  await eventually(async () => (await storedIds(app)).length === 1, 'the first log file is read');
  await init();
  await eventually(async () => (await storedIds(app)).length === 2, 'the second log file is read');
});
