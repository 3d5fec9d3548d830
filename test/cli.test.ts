import { createCipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import {
  AuditLogDocument,
  CreateSourceDocument,
  LoginDocument,
  SourceBatchesDocument,
  SourceDocument,
  type TypedDocumentString,
  ViewerDocument,
} from '../src/generated/graphql';
import { startProgram, trailgraph } from './support/command';
import { type Trail, trail } from './support/demo-trail';
import { eventually } from './support/eventually';
import { GraphqlClient } from './support/graphql-client';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const folders: string[] = [];
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'trailgraph-cli-'));
  folders.push(folder);
  return folder;
}

/** Runs a document of schema/operations. */
function ask<R, V>(client: GraphqlClient, document: TypedDocumentString<R, V>, variables: V): Promise<R> {
  return client.run<R>(document.toString(), variables as Record<string, unknown>);
}

function record(name: string, over: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    eventVersion: '1.10',
    eventID: uuid(name),
    eventTime: '2026-01-02T03:04:05Z',
    eventName: 'StartInstances',
    eventSource: 'ec2.amazonaws.com',
    ...over,
  };
}

/** The same id for the same name. */
function uuid(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}

/** Text that gzip makes only a quarter smaller, the same each time. */
function noise(name: string, characters: number): string {
  const key = createHash('sha256').update(name).digest();
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  return cipher.update(Buffer.alloc((characters / 4) * 3)).toString('base64');
}

const COUNTS = { received: 0, stored: 0, duplicates: 0, dropped: 0, rejected: 0 };

describe('trailgraph', () => {
  test('shows its help and its version, and ends with 0', async () => {
    const help = await trailgraph(['--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    const names = [
      'user',
      'ingest',
      'quarantine',
      'batch',
      'rekey',
      'listen',
      'backfill',
      'rebuild-rollups',
      'migrate',
      'config',
      'doctor',
      'health',
      'init',
    ];
    for (const name of [...names, 'schema']) expect(help.stdout).toMatch(new RegExp(`^  ${name}`, 'm'));
    const { version } = JSON.parse(await readFile(join(__dirname, '../package.json'), 'utf8')) as {
      version: string;
    };
    expect(await trailgraph(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  test.each([
    [
      'no command',
      [],
      'trailgraph: say what to do: `user`, `ingest`, `quarantine`, `batch`, `rekey`, `listen`, `backfill`, `rebuild-rollups`, `migrate`, `config`, `doctor`, `health`, `init`, `schema`, `operations`.',
    ],
    ['a command that is none', ['ingets', 'x'], "trailgraph: there is no command 'ingets', only `user`"],
    ['an option that is none', ['schema', '--output'], "trailgraph: unknown option '--output'"],
    ['no path', ['ingest'], "trailgraph: missing required argument 'path'"],
    ['a role that is none', ['user', 'create', 'a@example.com', '--role', 'root'], 'VIEWER, OPERATOR, ADMIN'],
    ['an address that is none', ['user', 'create', 'alice'], 'alice is not an e-mail address'],
    ['a URL that is none', ['ingest', '.', '--url', 'here'], 'is not an http or https URL'],
  ])('refuses %s in one line that says what to do, with 2', async (_, args, message) => {
    const { code, stdout, stderr } = await trailgraph(args, { environment: { TRAILGRAPH_TOKEN: 'x' } });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  test('says which server it looked for and how to start or name one', async () => {
    const cwd = await newFolder();
    const nowhere = await trailgraph(['ingest', '.'], { cwd });
    expect(nowhere.code).toBe(2);
    expect(nowhere.stderr).toBe(
      'trailgraph: No server runs on ./data: start it with `npm start`, name its folder with --data-dir, or name another one with --url and TRAILGRAPH_TOKEN.\n',
    );
    const user = await trailgraph(['user', 'create', 'a@example.com'], { cwd, input: 'x' });
    expect(user.code).toBe(2);
    expect(user.stderr).toContain('start it with `npm start`');
    const tokenless = await trailgraph(['ingest', '.', '--url', 'http://127.0.0.1:1'], { cwd });
    expect(tokenless).toMatchObject({ code: 2, stdout: '' });
    expect(tokenless.stderr).toContain('Set TRAILGRAPH_TOKEN to the ingest token of the source direct');
  });

  test('prints the schema that is committed, without a server', async () => {
    const committed = await readFile(join(__dirname, '../schema/schema.graphql'), 'utf8');
    expect(await trailgraph(['schema'])).toEqual({ code: 0, stdout: committed, stderr: '' });
    const file = join(await newFolder(), 'out.graphql');
    expect(await trailgraph(['schema', '--out', file])).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await readFile(file, 'utf8')).toBe(committed);
    const unwritable = await trailgraph(['schema', '--out', join(file, 'below')]);
    expect(unwritable.code).toBe(2);
    expect(unwritable.stderr).toContain("can't be written");
  });
});

describe('trailgraph ingest', () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let files: Trail;

  beforeAll(async () => {
    app = await startTrailGraph();
    admin = await app.admin();
    files = await trail();
  });
  afterAll(async () => {
    await app?.stop();
    await files?.remove();
  });

  const send = (paths: string[], args: string[] = [], token = app.api.directToken) =>
    trailgraph(['ingest', ...paths, '--url', app.url, ...args], { environment: { TRAILGRAPH_TOKEN: token } });
  const pushSource = async (name: string) => {
    const { createSource } = await ask(admin, CreateSourceDocument, { input: { name, httpPush: {} } });
    return { id: createSource.source.id, token: createSource.ingestToken! };
  };
  const statusOf = async (id: string) => {
    const { source } = await ask(admin, SourceDocument, { id });
    const { received, stored, duplicates, dropped, rejected } = source!.status;
    return { received, stored, duplicates, dropped, rejected };
  };

  test('stores a folder of trail objects once: the second time all are duplicates', async () => {
    const first = await send([files.root], ['--json']);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    const { stored, duplicates, resent, ...summary } = JSON.parse(first.stdout) as Record<string, number>;
    expect(summary).toMatchObject({ received: 2900, dropped: 0, rejected: 0, files: 55, failed: [] });
    // A busy server may have stored a body that it could not answer in time.
    expect(stored! + duplicates!).toBe(2900);
    if (resent === 0) expect(duplicates).toBe(0);
    const counted = await statusOf('direct');
    expect(counted).toMatchObject({
      ...COUNTS,
      received: expect.any(Number),
      stored: 2900,
      duplicates: counted.received - 2900,
    });
    const second = await send([files.root], ['--json']);
    expect(second).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(second.stdout)).toEqual({
      ...COUNTS,
      source: 'direct',
      files: 55,
      skipped: 0,
      failed: [],
      resent: expect.any(Number) as number,
      received: 2900,
      duplicates: 2900,
      seconds: expect.any(Number) as number,
      eventsPerSecond: expect.any(Number) as number,
      stopped: false,
    });
    const after = await statusOf('direct');
    expect(after).toEqual({
      ...COUNTS,
      received: after.received,
      stored: 2900,
      duplicates: after.received - 2900,
    });
  });

  test('counts on the source that is named, opened by its token or by an OPERATOR', async () => {
    const source = await pushSource('named');
    const folder = await newFolder();
    const file = join(folder, 'one.json');
    await writeFile(file, JSON.stringify({ Records: [record('named')] }));
    expect((await send([file], ['--source', source.id], source.token)).stdout).toMatch(
      /^1 received: 1 stored/,
    );
    expect((await send([file], ['--source', source.id], admin.token!)).stdout).toMatch(
      /^1 received: 0 stored, 1 dup/,
    );
    expect(await statusOf(source.id)).toEqual({ ...COUNTS, received: 2, stored: 1, duplicates: 1 });
    const refused = await send([file], ['--source', source.id]);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain(`${app.url} refused the token`);
    expect(refused.stderr.trim().split('\n')).toHaveLength(1);
  });

  test('sends a file that is over both limits of the door in several bodies', async () => {
    const source = await pushSource('large');
    const file = join(await newFolder(), 'large.json.gz');
    const count = 700;
    const records = Array.from({ length: count }, (_, n) =>
      JSON.stringify(record(`large ${n}`, { requestParameters: { padding: noise(`${n}`, 100_000) } })),
    );
    const text = Buffer.from(`{"Records":[${records.join(',\n')}]}`);
    expect(text.length).toBeGreaterThan(64 * 1024 * 1024);
    await writeFile(file, gzipSync(text, { level: 1 }));
    expect((await stat(file)).size).toBeGreaterThan(8 * 1024 * 1024);
    const { code, stdout } = await send([file], ['--source', source.id, '--json'], source.token);
    const summary = JSON.parse(stdout) as Record<string, number>;
    expect(summary).toMatchObject({ received: 700, dropped: 0, rejected: 0 });
    expect(summary.stored! + summary.duplicates!).toBe(700);
    if (summary.resent === 0) expect(summary.duplicates).toBe(0);
    expect(code).toBe(0);
    expect((await statusOf(source.id)).stored).toBe(700);
    const { source: read } = await ask(admin, SourceBatchesDocument, { id: source.id, first: 200 });
    const received = read!.batches.nodes.map((batch) => batch.received);
    // 41 records of 100.2 KB are what fits into 4 MiB.
    expect([...new Set(received)].sort((a, b) => b - a)).toEqual([41, 3]);
    expect(received.length).toBeGreaterThanOrEqual(18);
    expect(received.length).toBeLessThanOrEqual(18 + summary.resent!);
    const { event } = await admin.run<{ event: { raw: { requestParameters: unknown } } }>(
      'query ($id: ID!) { event(id: $id) { raw } }',
      { id: uuid('large 699') },
    );
    expect(event.raw.requestParameters).toEqual({ padding: noise('699', 100_000) });
  });

  test('names each file that is no trail file, sends the others, and ends with 1', async () => {
    const source = await pushSource('mixed');
    const folder = await newFolder();
    const write = async (name: string, content: string | Buffer): Promise<string> => {
      await mkdir(join(folder, name, '..'), { recursive: true });
      await writeFile(join(folder, name), content);
      return join(folder, name);
    };
    const wrapped = (...names: string[]) => JSON.stringify({ Records: names.map((name) => record(name)) });
    await write('good.json', wrapped('mixed 1', 'mixed 2'));
    await write('deep/er/good.json.gz', gzipSync(wrapped('mixed 3')));
    await write('two-members.json.gz', Buffer.concat([gzipSync('{"Records":['), gzipSync(']}')]));
    await write('list.json', `\ufeff [${JSON.stringify(record('mixed 4'))}]\n`);
    await write('odd.json', `{"Records":[${JSON.stringify(record('mixed 5'))},{"eventTime":"yesterday"}]}`);
    await write('notes.txt', 'not looked at');
    await write(
      '123456789012_CloudTrail-Digest_eu-west-1_t_eu-west-1_20260102T030405Z.json.gz',
      gzipSync('{}'),
    );
    const broken = {
      [await write('early-end.json', wrapped('mixed 6').slice(0, -2))]: 'the JSON text ends too early',
      [await write('empty.json', '')]: 'the file is empty',
      [await write('other.json', '{"records":[]}')]: 'the JSON object has no list "Records"',
      [await write('text.json', 'hello')]: 'unexpected "h" at byte 0',
      [await write('truncated.json.gz', gzipSync(wrapped('mixed 7')).subarray(0, 60))]:
        'the gzip data is broken',
      [join(folder, 'missing.json')]: 'there is no such file or folder',
    };
    const { code, stdout, stderr } = await send(
      [folder, join(folder, 'missing.json'), join(folder, 'good.json')],
      ['--source', source.id, '--json'],
      source.token,
    );
    expect(code).toBe(1);
    const summary = JSON.parse(stdout) as { failed: { file: string; reason: string }[] };
    expect(summary).toMatchObject({
      files: 5,
      skipped: 1,
      received: 7,
      stored: 6,
      duplicates: 0,
      rejected: 1,
    });
    expect(summary.failed.map(({ file }) => file).sort()).toEqual(Object.keys(broken).sort());
    for (const [file, reason] of Object.entries(broken)) {
      expect(stderr.split('\n').filter((line) => line.startsWith(`trailgraph: ${file}: `))).toEqual([
        expect.stringContaining(reason) as string,
      ]);
    }
    expect(stderr).toContain(
      `trailgraph: ${join(folder, 'odd.json')}: record 1 rejected: the record has no readable eventTime\n`,
    );
    expect(await statusOf(source.id)).toEqual({ ...COUNTS, received: 7, stored: 6, rejected: 1 });
  });

  test('leaves out a record of over 1 MiB and says so', async () => {
    const file = join(await newFolder(), 'oversized.json');
    const huge = record('huge', { requestParameters: { padding: 'x'.repeat(1024 * 1024) } });
    await writeFile(file, JSON.stringify({ Records: [record('beside 1'), huge, record('beside 2')] }));
    const { code, stdout, stderr } = await send([file]);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^3 received: 2 stored, 0 duplicates, 0 dropped, 1 rejected; 1 file in .*; 1 failed\n$/,
    );
    expect(stderr).toBe(`trailgraph: ${file}: record 1 has more than 1048576 bytes and was left out\n`);
  });

  test('shows a bar on a terminal only', async () => {
    const args = ['ingest', files.root, '--url', app.url];
    const environment = { TRAILGRAPH_TOKEN: app.api.directToken, TERM: 'xterm' };
    const at = await startProgram('cli/main.js', args, { environment, terminal: true }).ended;
    expect(at.code).toBe(0);
    expect(at.stdout).toMatch(/█{30} 100% of 55 files \| 2900 records/);
    expect(at.stdout).toContain('2900 received: 0 stored, 2900 duplicates');
    expect(at.stdout).toContain('\u001b[?25h'); // The cursor is shown again.
    expect(await trailgraph(args, { environment })).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('trailgraph ingest, at a server that does as the test says', () => {
  let server: Server;
  let url: string;
  let answer: (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;
  let requests: { path: string | undefined; encoding: boolean; records: number }[];
  const servers: Server[] = [];

  beforeEach(async () => {
    requests = [];
    server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks);
      const { Records } = JSON.parse(gunzipSync(body).toString('utf8')) as { Records: unknown[] };
      requests.push({ path: request.url, encoding: body[0] === 0x1f, records: Records.length });
      answer(request, response, body);
    }).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    for (const each of servers.splice(0)) {
      each.closeAllConnections();
      await new Promise((resolve) => each.close(resolve));
    }
  });

  const environment = { TRAILGRAPH_TOKEN: 'x'.repeat(40) };
  const say = (response: ServerResponse, status: number, body: unknown, headers = {}): void => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
  const stored = (records: number) => ({ ...COUNTS, received: records, stored: records, rejections: [] });
  const fileOf = async (records: number): Promise<string> => {
    const file = join(await newFolder(), 'records.json');
    const Records = Array.from({ length: records }, (_, n) => record(`${n}`));
    await writeFile(file, JSON.stringify({ Records }));
    return file;
  };

  test('sends a body again when the server is busy, not before the time that it asked for', async () => {
    const times: number[] = [];
    answer = (_, response) => {
      times.push(performance.now());
      if (times.length === 1)
        say(response, 503, { error: true, message: 'The door is busy.' }, { 'retry-after': '1' });
      else say(response, 200, stored(2));
    };
    const result = await trailgraph(['ingest', await fileOf(2), '--url', url], { environment });
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout).toMatch(/^2 received: 2 stored/);
    expect(requests).toEqual(Array(2).fill({ path: '/ingest/direct', encoding: true, records: 2 }));
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(990);
  });

  test('gives up on a server that asks for more than a minute, with its reason', async () => {
    answer = (_, response) =>
      say(response, 503, { error: true, message: 'The source is paused.' }, { 'retry-after': '61' });
    const result = await trailgraph(['ingest', await fileOf(2), '--url', url], { environment });
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toBe(
      'trailgraph: The server does not take the records: The source is paused. What was sent so far is stored.\n',
    );
    expect(requests).toHaveLength(1);
  });

  test('says that a server is none of ours, and that none is there', async () => {
    answer = (_, response) => say(response, 200, '<html>hello</html>');
    const file = await fileOf(1);
    const other = await trailgraph(['ingest', file, '--url', url], { environment });
    expect(other).toMatchObject({ code: 2, stdout: '' });
    expect(other.stderr).toBe(
      `trailgraph: ${url} answers 200, but not as TrailGraph does: is the URL right?\n`,
    );
    await new Promise((resolve) => {
      server.closeAllConnections();
      server.close(resolve);
    });
    const none = await trailgraph(['ingest', file, '--url', url], { environment });
    expect(none).toMatchObject({ code: 2, stdout: '' });
    expect(none.stderr).toBe(
      `trailgraph: No server answers at ${url} (ECONNREFUSED): start it with \`npm start\`, or name another one with --url.\n`,
    );
  });

  test('stops at Ctrl-C when what is under way has been answered, and sends nothing more', async () => {
    const waiting: ServerResponse[] = [];
    answer = (_, response) => void waiting.push(response);
    const command = startProgram('cli/main.js', ['ingest', await fileOf(9_500), '--url', url], {
      environment,
    });
    await eventually(() => waiting.length === 4, 'four bodies are under way');
    command.child.kill('SIGINT');
    await command.says('stopping after what is under way');
    for (const response of waiting) say(response, 200, stored(1_000));
    const { code, stdout } = await command.ended;
    expect(code).toBe(1);
    expect(stdout).toMatch(/^4000 received: 4000 stored, .*; stopped before the end\n$/);
    expect(requests).toHaveLength(4);
  });
});

describe('trailgraph beside a server with embedded stores', () => {
  let dataDir: string;
  let url: string;
  let stop: () => Promise<unknown>;

  beforeAll(async () => {
    dataDir = join(await newFolder(), 'data');
    const server = startProgram('main.js', [], {
      environment: { DATA_DIR: dataDir, PORT: '0', DEMO_SOURCE: 'off', WORKERS: '1', LOG_LEVEL: 'error' },
    });
    stop = () => {
      server.child.kill('SIGTERM');
      return server.ended;
    };
    const note = join(dataDir, 'server.json');
    await eventually(async () => (await stat(note)).isFile(), 'the server has told where it is', 60_000);
    expect((await stat(note)).mode & 0o777).toBe(0o600);
    url = (JSON.parse(await readFile(note, 'utf8')) as { url: string }).url;
  });
  afterAll(() => stop());

  const create = (args: string[], input: string) =>
    trailgraph(['user', 'create', ...args, '--data-dir', dataDir], { input });
  const roleOf = async (email: string, password: string) => {
    const anonymous = new GraphqlClient(url);
    const { login } = await ask(anonymous, LoginDocument, { input: { email, password } });
    const { viewer } = await ask(anonymous.as(login.accessToken), ViewerDocument, {});
    return viewer?.role;
  };

  test('makes the first user an ADMIN whatever is asked for, others as asked, and they can log in', async () => {
    expect(await create(['Ann@Example.com', '--role', 'VIEWER'], 'a good password 1\n')).toEqual({
      code: 0,
      stdout: 'ann@example.com may log in (ADMIN: the first user always is).\n',
      stderr: '',
    });
    expect(await roleOf('ann@example.com', 'a good password 1')).toBe('ADMIN');
    const second = await create(
      ['bob@example.com', '--role', 'operator', '--password-stdin'],
      'a good password 2\r\nmore',
    );
    expect(second).toEqual({ code: 0, stdout: 'bob@example.com may log in (OPERATOR).\n', stderr: '' });
    expect(await roleOf('bob@example.com', 'a good password 2')).toBe('OPERATOR');
    const third = await create(['cyd@example.com'], 'a good password 3');
    expect(third.stdout).toBe('cyd@example.com may log in (VIEWER).\n');
  });

  test('refuses an address that is taken, a weak password and no password, each with its reason', async () => {
    expect(await create(['dan@example.com'], 'a good password 4')).toMatchObject({ code: 0 });
    const taken = await create(['DAN@example.com'], 'another password 4');
    expect(taken).toMatchObject({ code: 1, stdout: '' });
    expect(taken.stderr).toContain('This e-mail address is taken');
    const weak = await create(['eve@example.com'], 'short');
    expect(weak).toMatchObject({ code: 1, stdout: '' });
    expect(weak.stderr).toContain('a password has at least 8 characters');
    const none = await create(['eve@example.com'], '');
    expect(none).toMatchObject({ code: 2, stdout: '' });
    expect(none.stderr).toContain('There is no password');
  });

  test('lists accounts, changes them and resets a password, on the record', async () => {
    const user = (args: string[], input?: string) =>
      trailgraph(['user', ...args, '--data-dir', dataDir], input === undefined ? {} : { input });
    expect(await create(['ivy@example.com', '--role', 'OPERATOR'], 'a good password 6')).toMatchObject({
      code: 0,
    });
    expect(await roleOf('ivy@example.com', 'a good password 6')).toBe('OPERATOR');
    const reset = await user(['reset-password', 'Ivy@example.com'], 'a good password 7');
    expect(reset).toEqual({
      code: 0,
      stdout: 'ivy@example.com has another password; all sessions are ended.\n',
      stderr: '',
    });
    await expect(roleOf('ivy@example.com', 'a good password 6')).rejects.toThrow('UNAUTHENTICATED');
    expect(await user(['role', 'ivy@example.com', 'admin'])).toMatchObject({
      code: 0,
      stdout: 'ivy@example.com may log in (ADMIN).\n',
    });
    expect(await roleOf('ivy@example.com', 'a good password 7')).toBe('ADMIN');
    expect(await user(['disable', 'ivy@example.com'])).toMatchObject({ code: 0 });
    expect((await user(['list'])).stdout).toMatch(
      /^ADMIN {5}disabled {2}ivy@example\.com {2}last login 2\d{3}-/m,
    );
    expect(await user(['enable', 'ivy@example.com'])).toMatchObject({ code: 0 });
    expect(await user(['role', 'ivy@example.com', 'VIEWER'])).toMatchObject({ code: 0 });
    const last = await user(['disable', 'ann@example.com']);
    expect(last).toMatchObject({ code: 1, stdout: '' });
    expect(last.stderr).toContain('ann@example.com was not changed: This is the last active ADMIN');
    const nobody = await user(['role', 'nobody@example.com', 'VIEWER']);
    expect(nobody.stderr).toBe(
      'trailgraph: nobody@example.com was not changed: There is no user nobody@example.com.\n',
    );
    const listed = (await user(['list', '--json'])).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(listed).toContainEqual(
      expect.objectContaining({ email: 'ivy@example.com', role: 'VIEWER', disabled: false }),
    );
    expect(JSON.stringify(listed)).not.toContain('argon2');
    const anonymous = new GraphqlClient(url);
    const input = { email: 'ann@example.com', password: 'a good password 1' };
    const { login } = await ask(anonymous, LoginDocument, { input });
    const { auditLog } = await ask(anonymous.as(login.accessToken), AuditLogDocument, { first: 50 });
    const commands = auditLog.nodes.filter(({ actor }) => actor === 'operator at the machine');
    expect(commands.slice(0, 6).map(({ action, outcome, error }) => [action, outcome, error])).toEqual([
      ['user update', 'REFUSED', 'CONFLICT'],
      ['user update', 'DONE', null],
      ['user update', 'DONE', null],
      ['user update', 'DONE', null],
      ['user update', 'DONE', null],
      ['user reset-password', 'DONE', null],
    ]);
  });

  test('asks for the password twice at a terminal and never shows it', async () => {
    const password = 'correct horse 7';
    const args = ['user', 'create', 'fay@example.com', '--data-dir', dataDir];
    const command = startProgram('cli/main.js', args, { terminal: true });
    await command.says('Password: ');
    command.type('oops\u0015correct horse 6\u007f7\r');
    await command.says('Again: ');
    command.type(`${password}\r`);
    const { code, stdout } = await command.ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Password: \r?\nAgain: \r?\nfay@example.com may log in \(VIEWER\)\.\r?\n$/);
    expect(await roleOf('fay@example.com', password)).toBe('VIEWER');

    const differing = startProgram(
      'cli/main.js',
      ['user', 'create', 'gil@example.com', '--data-dir', dataDir],
      {
        terminal: true,
      },
    );
    await differing.says('Password: ');
    differing.type('correct horse 8\rcorrect horse 9\r');
    const refused = await differing.ended;
    expect(refused.code).toBe(1);
    expect(refused.stdout).toContain('The two passwords differ');
    expect(refused.stdout).not.toContain('horse');
  });

  test('ingests without a URL and a token, and only on `direct`', async () => {
    const file = join(await newFolder(), 'one.json');
    await writeFile(file, JSON.stringify({ Records: [record('embedded')] }));
    const result = await trailgraph(['ingest', file], { environment: { DATA_DIR: dataDir } });
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout).toMatch(/^1 received: 1 stored/);
    const elsewhere = await trailgraph(['ingest', file, '--source', 'src_1', '--data-dir', dataDir]);
    expect(elsewhere).toMatchObject({ code: 2, stdout: '' });
    expect(elsewhere.stderr).toContain('Set TRAILGRAPH_TOKEN to the ingest token of the source src_1');
  });

  test('says that no server runs any more once it has stopped', async () => {
    const note = await readFile(join(dataDir, 'server.json'));
    await stop();
    const gone = await trailgraph(['ingest', '.', '--data-dir', dataDir]);
    expect(gone.code).toBe(2);
    expect(gone.stderr).toContain(`No server runs on ${dataDir}: start it with \`npm start\``);
    // As after SIGKILL, which leaves the note where it was.
    await writeFile(join(dataDir, 'server.json'), note, { mode: 0o600 });
    const file = join(await newFolder(), 'one.json');
    await writeFile(file, JSON.stringify({ Records: [record('gone')] }));
    const killed = await trailgraph(['ingest', file, '--data-dir', dataDir]);
    expect(killed).toMatchObject({ code: 2, stdout: '' });
    expect(killed.stderr).toContain(
      `No server answers at ${url} (ECONNREFUSED): start it with \`npm start\``,
    );
    const user = await create(['hal@example.com'], 'a good password 5');
    expect(user).toMatchObject({ code: 2, stdout: '' });
    expect(user.stderr).toContain(
      `The server on ${dataDir} does not run any more: start it with \`npm start\``,
    );
  });
});
