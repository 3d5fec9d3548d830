import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import type { Delivery } from '../src/domain/webhook';
import { demoRecord } from '../src/sources/demo/demo-record';
import { DnsServer } from './support/dns-server';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { HostileReceiver, type Misbehaviour } from './support/hostile-receiver';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

/** Receivers stand here, and only this address is open: 127.0.0.1 is as private as any other. */
const OPEN = '127.0.0.2';
const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
/** What an attempt at a receiver that hangs is given. */
const SHORT_MS = 1_000;
/** For all others, on a machine that is busy with all of them at once. */
const PATIENT_MS = 20_000;

const tls = (file: string): Buffer => readFileSync(join(__dirname, 'support', 'tls', file));
const answering =
  (text: string): Misbehaviour =>
  (socket) =>
    void socket.end(text);
const status = (line: string, headers = ''): Misbehaviour =>
  answering(`HTTP/1.1 ${line}\r\n${headers}content-length: 0\r\nconnection: close\r\n\r\n`);

type Start = (receiver: () => HostileReceiver) => HostileReceiver;
const plainly =
  (behave: Misbehaviour): Start =>
  () =>
    new HostileReceiver(behave);
const secretly =
  (key: string, cert: string): Start =>
  () =>
    new HostileReceiver(status('204 No Content'), { tls: { key: tls(key), cert: tls(cert) } });

interface Case {
  what: string;
  make: Start;
  /** Of the first attempt. */
  responseStatus: number | null;
  failure: string | null;
  /** A name instead of the address. */
  host?: string;
  secure?: boolean;
  responseBody?: RegExp;
  /** Milliseconds for which the whole webhook is left alone, instead of the schedule. */
  holds?: { least: number; most: number };
  /** The webhook is disabled at once. */
  disabled?: true;
  /** The request can't be read by it: no webhook-id to compare. */
  deaf?: true;
}

const ok = 'HTTP/1.1 200 OK\r\n';
const bomb = gzipSync(Buffer.alloc(64_000_000));
const brotliBomb = brotliCompressSync(Buffer.alloc(64_000_000));

const MISBEHAVIOURS: Case[] = [
  { what: 'never answers', make: plainly(() => undefined), responseStatus: null, failure: 'timeout' },
  {
    what: 'trickles its head, a byte at a time',
    make: (self) =>
      new HostileReceiver((socket) => {
        const bytes = [...`${ok}x-slow: ${'z'.repeat(1_000)}`];
        self().repeat(socket, 200, () => bytes.shift() ?? 'z');
      }),
    responseStatus: null,
    failure: 'timeout',
  },
  {
    what: 'trickles its body, a byte a second',
    make: (self) =>
      new HostileReceiver((socket) => {
        socket.write(`${ok}content-length: 100000\r\n\r\n.`);
        self().repeat(socket, SECOND, () => '.');
      }),
    responseStatus: 200,
    failure: 'timeout',
    responseBody: /^\.+$/,
  },
  {
    what: 'says 103 for ever',
    make: (self) =>
      new HostileReceiver((socket) =>
        self().repeat(socket, 5, () => 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n'.repeat(20)),
      ),
    responseStatus: null,
    failure: 'timeout',
  },
  {
    what: 'answers a chunked body without an end',
    make: (self) =>
      new HostileReceiver((socket) => {
        socket.write(`${ok}transfer-encoding: chunked\r\n\r\n`);
        self().pour(socket, Buffer.from(`400\r\n${'c'.repeat(1024)}\r\n`.repeat(16)));
      }),
    responseStatus: 200,
    failure: null,
    responseBody: /^c{16384}$/,
  },
  {
    what: 'sends chunk extensions without an end',
    make: (self) =>
      new HostileReceiver((socket) => {
        socket.write(`${ok}transfer-encoding: chunked\r\n\r\n1;`);
        self().repeat(socket, 20, () => 'x'.repeat(4096));
      }),
    responseStatus: 200,
    failure: 'timeout',
  },
  {
    what: 'answers 10 MB',
    make: (self) =>
      new HostileReceiver((socket) => {
        socket.write(`${ok}content-length: 10000000\r\n\r\n`);
        self().pour(socket, Buffer.alloc(64_000, 'm'), 10_000_000);
      }),
    responseStatus: 200,
    failure: null,
    responseBody: /^m{16384}$/,
  },
  {
    what: 'answers a gzip bomb',
    make: plainly((socket) => {
      socket.write(`${ok}content-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`);
      socket.end(bomb);
    }),
    responseStatus: 200,
    failure: null,
    responseBody: /^\(16384 bytes in content-encoding gzip, not decoded\)$/,
  },
  {
    what: 'answers a brotli bomb behind a 503',
    make: plainly((socket) => {
      socket.write(
        `HTTP/1.1 503 Busy\r\ncontent-encoding: br\r\ncontent-length: ${brotliBomb.length}\r\n\r\n`,
      );
      socket.end(brotliBomb);
    }),
    responseStatus: 503,
    failure: 'http_5xx',
    responseBody: /bytes in content-encoding br, not decoded/,
  },
  { what: 'answers 204', make: plainly(status('204 No Content')), responseStatus: 204, failure: null },
  { what: 'answers 299', make: plainly(status('299 Odd')), responseStatus: 299, failure: null },
  { what: 'answers 400', make: plainly(status('400 No')), responseStatus: 400, failure: 'http_4xx' },
  { what: 'answers 500', make: plainly(status('500 Oh')), responseStatus: 500, failure: 'http_5xx' },
  {
    what: 'answers 410',
    make: plainly(status('410 Gone')),
    responseStatus: 410,
    failure: 'http_4xx',
    disabled: true,
  },
  {
    what: 'upgrades to another protocol',
    make: plainly(
      answering('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nhi'),
    ),
    responseStatus: null,
    failure: 'reset',
  },
  {
    what: 'says 100 without being asked',
    make: plainly(answering('HTTP/1.1 100 Continue\r\n\r\n')),
    responseStatus: null,
    failure: 'reset',
  },
  {
    what: 'closes its side in the middle of the body',
    make: plainly(answering(`${ok}content-length: 100\r\n\r\nhalf`)),
    responseStatus: 200,
    failure: 'reset',
    responseBody: /^half$/,
  },
  {
    what: 'closes its side instead of answering',
    make: plainly(answering('')),
    responseStatus: null,
    failure: 'reset',
  },
  {
    what: 'resets the connection',
    make: plainly((socket) => socket.resetAndDestroy()),
    responseStatus: null,
    failure: 'reset',
  },
  {
    what: 'speaks another protocol',
    make: plainly(answering('SSH-2.0-OpenSSH_9.9\r\n')),
    responseStatus: null,
    failure: 'other',
  },
  {
    what: 'answers HTTP that contradicts itself',
    make: plainly(answering(`${ok}content-length: 3\r\ncontent-length: 4\r\n\r\nabcd`)),
    responseStatus: null,
    failure: 'other',
  },
  {
    what: 'sends one header of 1 MB',
    make: plainly(answering(`${ok}x: ${'x'.repeat(1_000_000)}\r\n\r\n`)),
    responseStatus: null,
    failure: 'other',
  },
  {
    what: 'sends 100,000 headers',
    make: plainly(answering(`${ok}${'x-a: b\r\n'.repeat(100_000)}\r\n`)),
    responseStatus: null,
    failure: 'other',
  },
  {
    what: 'closes in the TLS handshake',
    make: () =>
      new HostileReceiver(() => undefined, {
        onConnection: (socket) => socket.once('data', () => socket.destroy()),
      }),
    secure: true,
    responseStatus: null,
    failure: 'tls',
    deaf: true,
  },
  {
    what: 'hangs in the TLS handshake',
    make: () => new HostileReceiver(() => undefined, { onConnection: () => undefined }),
    secure: true,
    responseStatus: null,
    failure: 'timeout',
    deaf: true,
  },
  {
    what: 'answers the TLS handshake in plain text',
    make: () =>
      new HostileReceiver(() => undefined, {
        onConnection: (socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\n')),
      }),
    secure: true,
    responseStatus: null,
    failure: 'tls',
    deaf: true,
  },
  {
    what: 'has an expired certificate',
    make: secretly('receiver.key.pem', 'expired.crt.pem'),
    host: 'receiver.test',
    secure: true,
    responseStatus: null,
    failure: 'tls',
    deaf: true,
  },
  {
    what: 'has the certificate of another host',
    make: secretly('receiver.key.pem', 'receiver.crt.pem'),
    host: 'other.test',
    secure: true,
    responseStatus: null,
    failure: 'tls',
    deaf: true,
  },
];

/** The three forms of RFC 9110, of a time so many seconds from now. */
function dates(seconds: number): { imf: string; rfc850: string; asctime: string } {
  const at = new Date(Date.now() + seconds * SECOND);
  const imf = at.toUTCString();
  const [, day, month, year, time] = /^\w+, (\d\d) (\w+) (\d+) ([\d:]+) GMT$/.exec(imf)!;
  const long = at.toLocaleDateString('en', { weekday: 'long', timeZone: 'UTC' });
  const two = year!.slice(2);
  const padded = String(Number(day)).padStart(2);
  return {
    imf,
    rfc850: `${long}, ${day}-${month}-${two} ${time} GMT`,
    asctime: `${imf.slice(0, 3)} ${month} ${padded} ${time} ${year}`,
  };
}

const hour = dates(3_600);
const about = (ms: number): Case['holds'] => ({ least: ms - 120 * SECOND, most: ms });
const exactly = (ms: number): Case['holds'] => ({ least: ms, most: ms });

const RETRY_AFTER: [line: string, header: string | string[], holds: Case['holds']][] = [
  ['429 Slow', '120', exactly(120 * SECOND)],
  ['429 Slow', hour.imf, about(HOUR)],
  ['429 Slow', hour.rfc850, about(HOUR)],
  ['429 Slow', hour.asctime, about(HOUR)],
  ['503 Busy', '  7200  ', exactly(2 * HOUR)],
  ['503 Busy', hour.imf, about(HOUR)],
  ['502 Bad', '600', exactly(600 * SECOND)],
  ['504 Late', '600', exactly(600 * SECOND)],
  ['503 Busy', '200000', exactly(24 * HOUR)], // more than a day is cut
  ['429 Slow', dates(20 * 86_400).imf, exactly(24 * HOUR)],
  ['429 Slow', ['600', '1200'], exactly(600 * SECOND)],
  ['429 Slow', '-120', undefined],
  ['429 Slow', '0', undefined],
  ['429 Slow', '120.5', undefined],
  ['429 Slow', '1e3', undefined],
  ['429 Slow', '120s', undefined],
  ['429 Slow', '0x78', undefined],
  ['429 Slow', 'soon', undefined],
  ['429 Slow', '', undefined],
  ['429 Slow', new Date(Date.now() + HOUR).toISOString(), undefined],
  ['429 Slow', dates(-3_600).imf, undefined], // past
  ['429 Slow', dates(20 * 365 * 86_400).imf, undefined],
  ['429 Slow', '99999999999', undefined], // over a year: a point in time, not a wait
  ['503 Busy', '9'.repeat(400), undefined],
  ['500 Oh', '600', undefined],
  ['301 Away', '600', undefined],
];

const retryAfter = (): Case[] =>
  RETRY_AFTER.map(([line, header, holds], index) => {
    const headers = [header].flat();
    const code = Number(line.slice(0, 3));
    return {
      what: `answers ${code} with Retry-After ${JSON.stringify(header).slice(0, 40)} (${index})`,
      make: plainly(status(line, headers.map((each) => `retry-after: ${each}\r\n`).join(''))),
      responseStatus: code,
      failure: `http_${line[0]}xx`,
      ...(holds ? { holds } : {}),
    };
  });

interface Made {
  id: string;
  receiver: HostileReceiver;
}

const CREATE =
  'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } secret } }';

describe('hostile receivers', () => {
  const dns = new DnsServer();
  const receivers: HostileReceiver[] = [];
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let next = 0;
  const folder = mkdtempSync(join(tmpdir(), 'hostile-'));

  beforeAll(async () => {
    app = await startTrailGraph({
      settings: { WEBHOOK_ALLOW_CIDRS: `${OPEN}/32`, WEBHOOK_DNS_SERVERS: await dns.start() },
    });
    admin = await app.admin();
  });
  afterAll(async () => {
    await app?.stop();
    await Promise.all(receivers.map((receiver) => receiver.stop()));
    await dns.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function listen(receiver: HostileReceiver, host = OPEN, port = 0): Promise<number> {
    receivers.push(receiver);
    return receiver.start(host, port);
  }

  async function create(url: string, input: object = {}): Promise<string> {
    const { createWebhook } = await admin.run<{ createWebhook: { webhook: { id: string } } }>(CREATE, {
      input: { name: 'test', url, ...input },
    });
    return createWebhook.webhook.id;
  }

  /** A webhook whose receiver answers as it should. */
  async function live(host = OPEN): Promise<Made> {
    const receiver = new HostileReceiver((socket) => {
      socket.write('HTTP/1.1 204 No Content\r\n\r\n');
    });
    const port = await listen(receiver);
    return { receiver, id: await create(`http://${host}:${port}/`) };
  }

  /** Stores one event. @returns its id */
  async function store(): Promise<string> {
    const eventTime = new Date(1_750_000_000_000 + next * SECOND);
    const record = demoRecord({ seed: 21, sourceId: 'test', n: next++, eventTime });
    await admin.ingest([record]);
    return (record as unknown as { eventID: string }).eventID;
  }

  const heard = ({ receiver }: Made): Set<string | null> =>
    new Set(receiver.requests.map(({ eventId }) => eventId));

  const deliveriesOf = async (id: string): Promise<Delivery[]> =>
    (await app.core.deliveries.page({ webhookIds: [id] }, { limit: 10 })).items.map(({ item }) => item);
  const first = async (id: string): Promise<Delivery> => (await deliveriesOf(id)).at(-1)!;

  /** Waits until each first delivery has so many attempts on record. */
  async function attempted(ids: string[], count: number, withinMs: number): Promise<void> {
    const left = new Set(ids);
    await eventually(
      async () => {
        for (const id of left) if (((await first(id))?.attempts.length ?? 0) >= count) left.delete(id);
        return left.size === 0;
      },
      `attempt ${count} is on record`,
      withinMs,
    );
  }

  /** A certificate that signs itself. */
  function selfSigned(): { key: Buffer; cert: Buffer } {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const subject = ['-subj', '/CN=receiver.test', '-addext', 'subjectAltName=DNS:receiver.test'];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30'];
    execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', cert, ...subject], {
      stdio: 'ignore',
    });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  }

  test('each is a failure of its class, is tried again as its answer asks for, and disturbs nobody', async () => {
    dns.records('receiver.test', { A: [OPEN] });
    dns.records('other.test', { A: [OPEN] });
    const canary = new HostileReceiver(status('204 No Content'));
    const canaryPort = await listen(canary);
    const redirects = [301, 302, 303, 307, 308].flatMap((code): Case[] =>
      [`http://169.254.169.254/latest/meta-data/`, `http://${OPEN}:${canaryPort}/`].map((location) => ({
        what: `answers ${code} to ${location}`,
        make: plainly(status(`${code} Away`, `location: ${location}\r\n`)),
        responseStatus: code,
        failure: 'http_3xx',
      })),
    );
    const cases: Case[] = [
      ...MISBEHAVIOURS,
      ...redirects,
      ...retryAfter(),
      {
        what: 'has a certificate that it signed itself',
        make: () => new HostileReceiver(status('204 No Content'), { tls: selfSigned() }),
        host: 'receiver.test',
        secure: true,
        responseStatus: null,
        failure: 'tls',
        deaf: true,
      },
    ];
    const made = new Map<Case, Made>();
    for (const each of cases) {
      const receiver: HostileReceiver = each.make(() => receiver);
      const port = await listen(receiver);
      const url = `http${each.secure ? 's' : ''}://${each.host ?? OPEN}:${port}/hook`;
      const timeoutMs = each.failure === 'timeout' ? SHORT_MS : PATIENT_MS;
      made.set(each, { receiver, id: await create(url, { name: each.what, timeoutMs }) });
    }
    const beside = await live();
    const memory = (): number => process.memoryUsage().arrayBuffers;
    const before = memory();
    const one = await store();
    await eventually(() => heard(beside).has(one), 'the live one heard of it', 5 * SECOND * 3);
    await attempted(
      [...made.values()].map(({ id }) => id),
      1,
      60 * SECOND,
    );
    expect(memory() - before).toBeLessThan(60_000_000); // Less than one of the bombs inflated.

    for (const [each, { id }] of made) await expectFirstAttempt(each, id);
    expect(canary.connections).toBe(0);
    const two = await store();
    await eventually(() => heard(beside).has(two), 'the live one heard of the next', 5 * SECOND * 3);
    const again = [...made].filter(([each]) => each.failure !== null && !each.holds && !each.disabled);
    await attempted(
      again.map(([, { id }]) => id),
      2,
      90 * SECOND,
    );
    for (const [each, { id, receiver }] of again) {
      const { _id: deliveryId, attempts } = await first(id);
      expect({ what: each.what, failure: attempts[1]!.failure }).toEqual({
        what: each.what,
        failure: each.failure,
      });
      if (each.deaf) continue;
      const ids = receiver.requests.filter(({ eventId }) => eventId === one).map((got) => got.webhookId);
      expect({ what: each.what, ids: [...new Set(ids)] }).toEqual({ what: each.what, ids: [deliveryId] });
      expect(ids.length).toBeGreaterThan(1);
    }
    // Whoever asked to be left alone heard of the first event alone, although there was a second one.
    for (const [each, { receiver }] of made) {
      if (!each.holds && !each.disabled) continue;
      const events = receiver.requests.map(({ eventId }) => eventId);
      expect({ what: each.what, events }).toEqual({ what: each.what, events: [one] });
    }
    const tenMegabytes = made.get(MISBEHAVIOURS.find(({ what }) => what === 'answers 10 MB')!)!;
    expect(tenMegabytes.receiver.bytesSent).toBeLessThan(2 * 10_000_000);
    expect([...heard(beside)]).toEqual([one, two]);
  }, 480_000);

  test('that ask for an hour are left alone for it also where their rate is bounded', async () => {
    const receiver = new HostileReceiver(status('429 Slow', 'retry-after: 3600\r\n'));
    const id = await create(`http://${OPEN}:${await listen(receiver)}/`, { maxPerSecond: 1 });
    await store();
    await attempted([id], 1, 20 * SECOND);
    // Whoever held it has let go of it.
    await eventually(async () => (await app.core.webhooks.get(id))?.lookedAt !== null, 'it is let go of');
    const { heldUntil } = (await app.core.webhooks.get(id))!;
    expect(heldUntil!.getTime() - Date.now()).toBeGreaterThan(HOUR - 120 * SECOND);
  });

  test.each([
    'http://2130706433/',
    'http://0x7f000001/',
    'http://0x7f.1/',
    'http://0177.0.0.1/',
    'http://0177.0x0.0.1/',
    'http://017700000001/',
    'http://127.1/',
    'http://127.0.1/',
    'http://127.0.0.1./',
    'http://127.0.0.1.:8080/',
    'http://127.0.0.01/',
    'http://0/',
    'http://①②⑦.⓪.⓪.①/',
    'http://１２７．０．０．１/',
    'http://127。0。0。1/',
    'http://%31%32%37.%30.%30.%31/',
    'http://127.0.0.1%2e/',
    'http://[::1]/',
    'http://[::]/',
    'http://[0:0:0:0:0:0:0:1]/',
    'http://[::127.0.0.1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://[0:0:0:0:0:ffff:7f00:0001]/',
    'http://[::ffff:0:127.0.0.1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[64:ff9b:1::a9fe:a9fe]/',
    'http://[2002:7f00:1::]/',
    'http://[2002:a9fe:a9fe::1]/',
    'http://[2001:0:4136:e378:8000:63bf:80ff:fffe]/',
    'http://[fe80::1]/',
    'http://[fd00:ec2::254]/latest/meta-data',
    'http://169.254.169.254/latest/meta-data',
    'http://2852039166/',
    'http://168.63.129.16/',
    'http:127.0.0.1/',
    'http:\\\\127.0.0.1\\',
    'http://\t127.0.0.1/',
    'http://127.0.0.1#@example.com/',
    'http://127.0.0.1?@example.com/',
    'http://example.com@127.0.0.1/',
    'http://127.0.0.2@example.com/',
    'http://127.0.0.2:80@127.0.0.1/',
    'http://127.0.0.2\\@127.0.0.1/@',
    'http://:secret@example.com/',
    'http://127.0.0.3/',
    'http://[fe80::1%25lo]/',
    'http://1.1.1.1.1/',
    'http://256.1.1.1/',
    'http://example.com:99999/',
    'http://',
    'ftp://example.com/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'unix:/var/run/docker.sock',
    'example.com/hook',
    '',
  ])('may not stand at %j', async (url) => {
    const { data, errors } = await admin.raw(CREATE, { input: { name: 'test', url } });
    // A backslash ends the host, so this one is read as the open address with a path, as browsers do.
    if (url.startsWith('http://127.0.0.2\\')) {
      expect(errors).toBeUndefined();
      return;
    }
    expect(data ?? null).toBeNull();
    expect(errors![0]!.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      fields: [{ path: ['input', 'url'] }],
    });
  });

  describe('by a name server that is no friend', () => {
    /** A webhook at a name, with a receiver at the open address. @returns what came of one event */
    async function named(host: string, input: object = {}): Promise<Made> {
      const receiver = new HostileReceiver((socket) => {
        socket.end('HTTP/1.1 500 Oh\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
      });
      const port = await listen(receiver);
      return { receiver, id: await create(`http://${host}:${port}/`, input) };
    }

    test('a name with any blocked record is refused, and nothing is connected', async () => {
      dns.records('internal.test', { A: ['10.0.0.1'] });
      const refused: Record<string, Parameters<DnsServer['records']>[1]> = {
        'mixed.test': { A: [OPEN, '10.0.0.1'] },
        'mixed-last.test': { A: ['1.1.1.1', '8.8.8.8', '127.0.0.1'] },
        'alias.test': { CNAME: 'internal.test' },
        'v6-private.test': { A: [OPEN], AAAA: ['fd00::1'] },
        'v6-local.test': { A: [OPEN], AAAA: ['::1'] },
        'v6-mapped.test': { A: [OPEN], AAAA: ['::ffff:127.0.0.1'] },
        'nat64.test': { AAAA: ['64:ff9b::7f00:1'] },
        'metadata.test': { A: ['169.254.169.254'] },
        'this-machine.test': { A: ['0.0.0.0'] },
      };
      for (const [name, records] of Object.entries(refused)) dns.records(name, records);
      const all = await Promise.all(Object.keys(refused).map((name) => named(name)));
      const beside = await live();
      const event = await store();
      await attempted(
        all.map(({ id }) => id),
        1,
        30 * SECOND,
      );
      for (const { id, receiver } of all) {
        const [attempt] = (await first(id)).attempts;
        expect(attempt).toMatchObject({ failure: 'blocked_address', responseStatus: null });
        expect(receiver.connections).toBe(0);
      }
      await eventually(() => heard(beside).has(event), 'the live one heard of it');
    });

    test('a name that turns to this machine after the check leads to the checked address, then nowhere', async () => {
      let asked = 0;
      dns.answer('rebind.test', ({ type, name }) => {
        if (type !== 'A') return {};
        const data = asked++ === 0 ? OPEN : '127.0.0.1';
        return { answers: [{ type, name, data, ttl: 0 }] };
      });
      const { id, receiver } = await named('rebind.test');
      const port = Number(new URL((await app.core.webhooks.get(id))!.url).port);
      const victim = new HostileReceiver(status('204 No Content'));
      await listen(victim, '127.0.0.1', port);
      await store();
      await attempted([id], 2, 40 * SECOND);
      const { attempts } = await first(id);
      expect(attempts).toMatchObject([
        { failure: 'http_5xx', responseStatus: 500, address: OPEN },
        { failure: 'blocked_address', responseStatus: null, address: '127.0.0.1' },
      ]);
      expect(receiver.requests).toHaveLength(1);
      expect(receiver.requests[0]!.head).toMatch(new RegExp(`^host: rebind\\.test:${port}\\r?$`, 'im'));
      expect(victim.connections).toBe(0);
    });

    test('a name that can not be looked up is a failure of DNS in time, and disturbs no other name', async () => {
      dns.records('nothing.test', {});
      dns.answer('servfail.test', () => ({ rcode: 2 }));
      dns.answer('refused.test', () => ({ rcode: 5 }));
      dns.answer('silent.test', () => null);
      dns.answer('garbage.test', () => Buffer.from('this is not DNS'));
      dns.answer('loop.test', ({ name }) => ({
        answers: [{ name, type: 'CNAME', data: 'loop.test', ttl: 0 }],
      }));
      dns.answer('half.test', ({ type, name }) =>
        type === 'A' ? { answers: [{ type, name, data: OPEN, ttl: 0 }] } : { rcode: 2 },
      );
      dns.records('good.test', { A: [OPEN] });
      const names = ['absent', 'nothing', 'servfail', 'refused', 'silent', 'garbage', 'loop'];
      const failing = await Promise.all(names.map((name) => named(`${name}.test`)));
      const half = await named('half.test');
      const beside = await live('good.test');
      const event = await store();
      await eventually(() => heard(beside).has(event), 'the live one heard of it', 15 * SECOND);
      await attempted(
        [...failing, half].map(({ id }) => id),
        1,
        45 * SECOND,
      );
      for (const [index, { id, receiver }] of failing.entries()) {
        const [attempt] = (await first(id)).attempts;
        expect({ name: names[index], ...attempt }).toMatchObject({
          name: names[index],
          failure: 'dns',
          address: null,
        });
        expect(attempt!.durationMs).toBeLessThanOrEqual(3 * 5 * SECOND);
        expect(receiver.connections).toBe(0);
      }
      // One kind of record can't be had, the other one serves.
      expect((await first(half.id)).attempts[0]).toMatchObject({ failure: 'http_5xx', address: OPEN });
    });
  });

  async function expectFirstAttempt(each: Case, id: string): Promise<void> {
    const delivery = await first(id);
    const webhook = (await app.core.webhooks.get(id))!;
    const [attempt] = delivery.attempts;
    expect({ what: each.what, ...attempt }).toMatchObject({
      what: each.what,
      number: 1,
      responseStatus: each.responseStatus,
      failure: each.failure,
      address: OPEN,
      ...(each.responseBody ? { responseBody: expect.stringMatching(each.responseBody) } : {}),
    });
    if (each.failure === 'timeout') expect(attempt!.durationMs).toBeLessThanOrEqual(3 * SHORT_MS);
    if (each.failure === null) {
      expect({ what: each.what, state: delivery.state }).toEqual({ what: each.what, state: 'DELIVERED' });
      return;
    }
    if (each.disabled) {
      await eventually(async () => (await app.core.webhooks.get(id))?.state === 'DISABLED', 'it is disabled');
      return;
    }
    if (!each.holds) return;
    const ended = attempt!.startedAt.getTime() + attempt!.durationMs;
    const slack = 30 * SECOND;
    const waits = [delivery.nextAttemptAt, webhook.heldUntil].map((at) => (at?.getTime() ?? 0) - ended);
    for (const wait of waits) {
      expect(wait).toBeGreaterThanOrEqual(each.holds.least - SECOND);
      expect(wait).toBeLessThanOrEqual(each.holds.most + slack);
    }
  }
});
