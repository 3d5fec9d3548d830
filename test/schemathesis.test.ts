import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../src/embedded/run-command';
import { pipTool } from './support/pip-tool';
import { RestClient } from './support/rest-client';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

/** Schemathesis and a validator of OpenAPI documents, with what they rest on. */
const TOOLS = {
  name: 'schemathesis',
  packages: [
    'schemathesis==4.32.5',
    'openapi-spec-validator==0.9.0',
    'annotated-types==0.8.0',
    'anyio==4.16.0',
    'attrs==26.1.0',
    'certifi==2026.10.18',
    'charset-normalizer==3.5.2',
    'click==8.5.1',
    'graphql-core==3.3.2',
    'harfile==0.6.0',
    'hypothesis==6.170.15',
    'hypothesis-graphql==0.13.5',
    'idna==3.20',
    'iniconfig==2.3.1',
    'jsonschema==4.26.0',
    'jsonschema-path==0.5.0',
    'jsonschema-specifications==2025.9.1',
    'jsonschema_rs==0.60.3',
    'lazy-object-proxy==1.13.0',
    'markdown-it-py==4.3.0',
    'MarkupSafe==3.0.4',
    'mdurl==0.1.2',
    'openapi-schema-validator==0.9.0',
    'packaging==26.3',
    'pathable==0.6.0',
    'pluggy==1.7.0',
    'pydantic==2.14.3',
    'pydantic-settings==2.16.3',
    'pydantic_core==2.50.4',
    'Pygments==2.21.0',
    'pyrate-limiter==4.5.1',
    'pytest==9.2.0',
    'python-dotenv==1.2.4',
    'PyYAML==6.0.3',
    'referencing==0.37.0',
    'requests==2.34.2',
    'rfc3339-validator==0.1.4',
    'rich==15.0.0',
    'rpds-py==2026.9.1',
    'six==1.17.0',
    'sortedcontainers==2.4.0',
    'typing-inspection==0.4.5',
    'typing_extensions==4.16.0',
    'urllib3==2.8.0',
    'Werkzeug==3.1.9',
  ],
};
/** Always the same requests; another one, for another look: SCHEMATHESIS_SEED. */
const SEED = process.env.SCHEMATHESIS_SEED ?? '20261122';
const RUN_MS = 240_000;

let app: TestTrailGraph;
let rest: RestClient;
let tools: string;
let scratch: string;
let token: string;
const logLines: string[] = [];
const before = { ...process.env };

beforeAll(async () => {
  // Whatever is made up is sent to a port where nobody listens, and never to AWS.
  Object.assign(process.env, { AWS_ENDPOINT_URL: 'http://127.0.0.1:9', AWS_EC2_METADATA_DISABLED: 'true' });
  scratch = await mkdtemp(join(tmpdir(), 'trailgraph-schemathesis-'));
  [app, tools] = await Promise.all([
    startTrailGraph({ settings: { SIGNUP: 'open' }, logLines }),
    pipTool(TOOLS),
  ]);
  rest = new RestClient(app.url);
  await app.admin();
  const operator = { email: 'operator@example.com', password: 'correct horse battery' };
  await app.api.accounts.createUser(operator, 'OPERATOR');
  token = await rest.token(operator);
  const keys = { accessKeyId: 'AKIAEXAMPLE000000000', secretAccessKey: 'nobody-lets-this-in' };
  const source = { id: 'source1', sourceType: 'AWS', region: 'us-east-1', ...keys };
  expect((await rest.call('POST', '/sources', { token, body: source })).status).toBe(201);
}, 800_000);
afterAll(async () => {
  await app?.stop();
  await rm(scratch, { recursive: true, force: true });
  process.env = before;
});

/** Runs Python code of the tools in a folder of its own, where it may leave what it likes; `args` are its sys.argv[1:]. */
function python(code: string, args: string[]) {
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    PYTHONPATH: `${tools}:${join(__dirname, 'support')}`,
    PYTHONNOUSERSITE: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    SCHEMATHESIS_HOOKS: 'schemathesis_hooks',
    COLUMNS: '200',
  };
  return runCommand('python3', ['-c', `import os; os.chdir('${scratch}'); ${code}`, ...args], {
    timeoutMs: RUN_MS,
    env,
  });
}

async function schemathesis(path: string, options: string[]): Promise<void> {
  const { code, stdout, stderr } = await python('from schemathesis.cli import schemathesis; schemathesis()', [
    ...['run', `${app.url}${path}`, '-H', `Authorization: Bearer ${token}`],
    ...['--seed', SEED, '--phases', 'examples,coverage,fuzzing', '--request-timeout', '20', '--no-color'],
    ...options,
  ]);
  if (code !== 0) throw new Error(`seed ${SEED}: schemathesis ended with ${code}\n${stdout}\n${stderr}`);
}

const failuresTold = (): string[] =>
  logLines.filter((line) => (JSON.parse(line) as { level: number }).level >= 50);

describe('/openapi.json', () => {
  test('is valid by the specification', async () => {
    const document = await rest.call('GET', '/openapi.json');
    expect(document.status).toBe(200);
    const { code, stderr } = await python(
      'import json, sys; from openapi_spec_validator import validate; validate(json.loads(sys.argv[1]))',
      [document.text],
    );
    expect([code, stderr]).toEqual([0, '']);
  });
});

test(`no made-up request to the REST doors is a failure of ours (seed ${SEED})`, async () => {
  await schemathesis('/openapi.json', [
    ...['--max-examples', '8', '--suppress-health-check', 'all'],
    ...[
      '--checks',
      'no_failure_of_ours,status_code_conformance,content_type_conformance,response_schema_conformance',
    ],
  ]);
  expect(failuresTold()).toEqual([]);
}, 600_000);

test(`no made-up operation of the GraphQL API is a failure of ours (seed ${SEED})`, async () => {
  await schemathesis('/graphql', [
    ...['--max-examples', '6', '--suppress-health-check', 'all', '--checks', 'no_failure_of_ours'],
    ...['--exclude-name', 'Mutation.logout'], // It would end the session of all that comes after.
  ]);
  expect(failuresTold()).toEqual([]);
}, 600_000);
