import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../src/embedded/run-command';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const DOCUMENT = readFileSync(join(__dirname, 'data/rest-seeds.md'), 'utf8');
const ORIGINALS = join(__dirname, '../../shared/seeds');

const blocks = (language: string): string[] =>
  [...DOCUMENT.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    ([, text = '']) => text,
  );
const [sample = '', source = ''] = blocks('json');
const [health = '', signUp = '', login = '', ingest = '', retrieval = ''] = blocks('sh');
const [retrieve = '', count = ''] = retrieval.split('\n').filter((line) => line.trim() !== '');

/** Their `secret` is refused here. */
const PASSWORD = 'a secret of ours';
/** Where there is no jq, as much of it as the documents use. */
const JQ = `command -v jq > /dev/null || jq() { node -e '
  const [, text, code = ""] = /^([^]*?})\\s*(\\d*)\\s*$/.exec(require("fs").readFileSync(0, "utf8"));
  const value = JSON.parse(text);
  console.log(process.argv[1] ? value.data.events.length : JSON.stringify(value) + "\\n" + code);' "$1"; }`;

let app: TestTrailGraph;
let folder: string;
let token = '';

const before = { ...process.env };
beforeAll(async () => {
  process.env.AWS_ENDPOINT_URL = 'http://127.0.0.1:9'; // Nobody listens there, and AWS is not asked.
  folder = await mkdtemp(join(tmpdir(), 'trailgraph-seeds-'));
  writeFileSync(join(folder, 'cloudtrail_sample.json'), sample);
  writeFileSync(join(folder, 'source.json'), source);
  app = await startTrailGraph();
});
afterAll(async () => {
  await app?.stop();
  await rm(folder, { recursive: true });
  process.env = before;
});

/** Runs a command of the documents, with our address, password and token. */
async function run(command: string): Promise<string> {
  const adapted = command
    .replace(/(http:\/\/)?localhost:9090/g, app.url)
    .replace('"secret"', JSON.stringify(PASSWORD))
    .replace(/curl /g, () => `curl -sS ${token ? `-H 'Authorization: Bearer ${token}' ` : ''}`);
  const script = `set -eo pipefail; cd '${folder}'; ${JQ}; ${adapted}`;
  const { code, stdout, stderr } = await runCommand('bash', ['-c', script], { timeoutMs: 30_000 });
  if (code !== 0) throw new Error(`${adapted} ended with ${code}: ${stderr}`);
  return stdout;
}

const curl = (options: string): Promise<string> =>
  run(`curl ${options.replaceAll('/sources', `${app.url}/sources`)}`);

test('they are those of the documents, where these lie beside the repository', () => {
  const lines = (text: string): string[] => text.split('\n').map((line) => line.trim());
  const known = new Set(lines(DOCUMENT));
  const originals = existsSync(ORIGINALS)
    ? readdirSync(ORIGINALS).map((name) => readFileSync(join(ORIGINALS, name), 'utf8'))
    : [DOCUMENT];
  const calls = originals
    .flatMap(lines)
    .filter((line) => /\bcurl |^http:\/\/localhost|`\/sources/.test(line));
  expect(calls).toHaveLength(9 + 3);
  expect(calls.filter((line) => !known.has(line))).toEqual([]);
});

describe('the commands of the enrichment API', () => {
  test('health', async () => {
    expect(JSON.parse(await run(health))).toMatchObject({ error: false, message: 'API está operativa' });
  });

  test('sign-up', async () => {
    expect(JSON.parse(await run(signUp))).toEqual({
      error: false,
      message: 'Usuario registrado exitosamente',
      data: { email: 'usuario@example.com', role: 'admin', uuid: expect.any(String) },
    });
  });

  test('login', async () => {
    const answer = JSON.parse(await run(login)) as { data: { token: string } };
    expect(answer).toMatchObject({
      error: false,
      message: 'Autenticación exitosa',
      data: { email: 'usuario@example.com', expiry: expect.any(String), token: expect.any(String) },
    });
    token = answer.data.token;
  });

  test('ingestion, by jq', async () => {
    const said = await run(ingest);
    const code = said.trim().split('\n').at(-1);
    expect([JSON.parse(said.slice(0, said.lastIndexOf('}') + 1)), code]).toEqual([
      { error: false, message: '1 registros procesados y enriquecidos exitosamente', data: [] },
      '201',
    ]);
  });

  test('retrieval, and its length by jq', async () => {
    expect(JSON.parse(await run(retrieve))).toMatchObject({
      error: false,
      message: 'Últimos 1 eventos enriquecidos obtenidos exitosamente',
      data: {
        events: [
          {
            ...(JSON.parse(sample) as { Records: object[] }).Records[0],
            enrichment: { country: 'United States of America', region: 'Americas' },
          },
        ],
      },
    });
    expect((await run(count)).trim()).toBe('1');
  });

  test('the query of the database', async () => {
    const found = await app.core.store.db
      .collection('enriched_events')
      .find({ sourceIPAddress: '205.251.233.176' }, { projection: { enrichment: 1, _id: 0 } })
      .toArray();
    expect(found).toEqual([{ enrichment: expect.objectContaining({ addressKind: 'PUBLIC' }) }]);
  });
});

describe('the calls of the forwarder', () => {
  test('POST, GET and DELETE, with the JSON of its document', async () => {
    expect(await curl('/sources')).toBe('[]');
    expect(await curl(`-X POST -H 'Content-Type: application/json' -d @source.json /sources`)).toBe(
      'Source added successfully',
    );
    expect(JSON.parse(await curl('/sources'))).toEqual([
      { ...(JSON.parse(source) as object), secretAccessKey: '********' },
    ]);
    expect(await curl('-X DELETE /sources/source1')).toBe('Source deleted successfully');
    expect(await curl('/sources')).toBe('[]');
  });
});
