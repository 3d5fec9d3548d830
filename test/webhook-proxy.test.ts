import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSettings } from '../src/config/environment';
import type { Delivery } from '../src/domain/webhook';
import { AddressGuard, parseCidrs } from '../src/net/address-guard';
import { boundedRequest, type NoAnswer } from '../src/net/bounded-request';
import { networkFailureOf } from '../src/net/failure';
import { GuardedAgent } from '../src/net/guarded-agent';
import type { Resolve } from '../src/net/guarded-lookup';
import { goesDirect, parseNoProxy, parseProxy } from '../src/net/proxy-address';
import { ProxyGate, type ProxyState } from '../src/net/proxy-gate';
import { demoRecord } from '../src/sources/demo/demo-record';
import { ConnectProxy, type ProxyMood } from './support/connect-proxy';
import { DnsServer } from './support/dns-server';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { HostileReceiver } from './support/hostile-receiver';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

/** Open to webhooks; 127.0.0.1, where the proxy stands, is not. */
const OPEN = '127.0.0.2';
const SECOND = 1_000;
const DAY = 86_400 * SECOND;
const PASSWORD = 'h@sh-hush';

describe('a proxy for webhooks', () => {
  const dns = new DnsServer();
  const proxy = new ConnectProxy();
  const logLines: string[] = [];
  const receivers: HostileReceiver[] = [];
  let made: string[] = [];
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let proxyPort: number;
  let next = 0;

  beforeAll(async () => {
    proxyPort = await proxy.start();
    app = await startTrailGraph({
      settings: {
        WEBHOOK_ALLOW_CIDRS: `${OPEN}/32, 127.0.0.3/32`,
        WEBHOOK_DNS_SERVERS: await dns.start(),
        WEBHOOK_PROXY: `http://trail:${encodeURIComponent(PASSWORD)}@127.0.0.1:${proxyPort}`,
        WEBHOOK_NO_PROXY: '127.0.0.3/32, direct.test',
      },
      logLines,
    });
    admin = await app.admin();
    dns.records('receiver.test', { A: [OPEN] });
    dns.records('sub.direct.test', { A: [OPEN] });
    dns.records('private.test', { A: ['10.0.0.1'] });
  });
  beforeEach(() => {
    proxy.mood = () => 'tunnel';
    proxy.asked.length = 0;
  });
  afterEach(async () => {
    for (const id of made) await admin.run('mutation ($id: ID!) { deleteWebhook(id: $id) }', { id });
    made = [];
  });
  afterAll(async () => {
    await app?.stop();
    await Promise.all(receivers.map((receiver) => receiver.stop()));
    await proxy.stop();
    await dns.stop();
  });

  interface Made {
    id: string;
    receiver: HostileReceiver;
    port: number;
  }

  /** A webhook; its receiver answers the statuses one after the other, the last one for ever. */
  async function create(host: string, statuses: number[] = [204], input: object = {}): Promise<Made> {
    const receiver = new HostileReceiver((socket, _, index) => {
      const status = statuses[Math.min(index, statuses.length - 1)]!;
      socket.end(`HTTP/1.1 ${status} So\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
    });
    receivers.push(receiver);
    const port = await receiver.start(host === '127.0.0.3' ? host : OPEN);
    const { createWebhook } = await admin.run<{ createWebhook: { webhook: { id: string } } }>(
      'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } } }',
      { input: { name: host, url: `http://${host}:${port}/hook`, ...input } },
    );
    made.push(createWebhook.webhook.id);
    return { id: createWebhook.webhook.id, receiver, port };
  }

  async function store(): Promise<void> {
    const eventTime = new Date(1_750_000_000_000 + next * SECOND);
    await admin.ingest([demoRecord({ seed: 22, sourceId: 'test', n: next++, eventTime })]);
  }

  const delivery = async (id: string): Promise<Delivery> =>
    (await app.core.deliveries.page({ webhookIds: [id] }, { limit: 10 })).items.at(-1)!.item;
  const untilAttempt = (id: string, what: (attempts: Delivery['attempts']) => boolean): Promise<void> =>
    eventually(async () => what((await delivery(id)).attempts), 'the attempt is on record', 30 * SECOND);
  const untilDelivered = (id: string): Promise<void> =>
    eventually(async () => (await delivery(id)).state === 'DELIVERED', 'it is delivered', 90 * SECOND);

  test('is asked for tunnels to the addresses that were checked, and the name stays in the request', async () => {
    const named = await create('receiver.test');
    const literal = await create(OPEN);
    const [range, below] = [await create('127.0.0.3'), await create('sub.direct.test')];
    const blocked = await create('private.test');
    await store();
    for (const { id } of [named, literal, range, below]) await untilDelivered(id);
    await untilAttempt(blocked.id, (attempts) => attempts.length === 1);
    const authorization = `Basic ${Buffer.from(`trail:${PASSWORD}`).toString('base64')}`;
    expect(proxy.asked.sort((a, b) => a.authority.localeCompare(b.authority))).toEqual(
      [`${OPEN}:${named.port}`, `${OPEN}:${literal.port}`]
        .sort((a, b) => a.localeCompare(b))
        .map((authority) => ({ authority, authorization })),
    );
    expect(proxy.plain).toBe(0);
    const { head } = named.receiver.requests[0]!;
    expect(head).toContain(`receiver.test:${named.port}`);
    expect(head).not.toMatch(/proxy-/i);
    expect((await delivery(named.id)).attempts[0]).toMatchObject({ failure: null, address: OPEN });
    expect((await delivery(blocked.id)).attempts[0]).toMatchObject({
      failure: 'blocked_address',
      address: '10.0.0.1',
    });
  });

  test('that is away costs webhooks nothing: neither attempts nor their good name', async () => {
    const { id, receiver } = await create('receiver.test', [500, 204]);
    // As bad as it can be without being given up.
    const since = new Date(Date.now() - 6 * DAY);
    const webhooks = app.core.store.db.collection<{ _id: string }>('webhooks');
    await webhooks.updateOne({ _id: id }, { $set: { consecutiveFailures: 30, failingSince: since } });
    await proxy.stop();
    await store();
    await eventually(async () => (await delivery(id)).attemptCount >= 3, 'it is tried', 30 * SECOND);
    const waiting = await delivery(id);
    expect(waiting).toMatchObject({
      state: 'PENDING',
      attempts: [{ failure: 'proxy', responseStatus: null }],
    });
    expect(await app.core.webhooks.get(id)).toMatchObject({
      state: 'ACTIVE',
      consecutiveFailures: 30,
      failingSince: since,
      breaker: { minutes: [], openUntil: null },
    });
    await eventually(async () => (await health()).status === 'DEGRADED', 'health says so');
    expect(await health()).toMatchObject({
      status: 'DEGRADED',
      components: expect.arrayContaining([
        {
          name: 'webhook proxy',
          status: 'DEGRADED',
          message: expect.stringContaining(`127.0.0.1:${proxyPort} can't be reached`),
        },
      ]),
    });
    expect(await metric()).toBe('1');

    // Not while it is held: who holds it writes what he knows of it.
    const fresh = { $set: { consecutiveFailures: 0, failingSince: null } };
    await eventually(
      async () =>
        (await webhooks.updateOne({ _id: id, leaseUntil: null } as never, fresh)).matchedCount === 1,
      'its failures are forgotten',
    );
    await proxy.start(proxyPort);
    await untilDelivered(id);
    // The first attempt that reached it failed: the schedule began there, with its wait of 5 s.
    const { _id, attempts } = await delivery(id);
    expect(attempts.map(({ failure }) => failure)).toEqual(['proxy', 'http_5xx', null]);
    expect(receiver.requests.map(({ webhookId }) => webhookId)).toEqual([_id, _id]);
    await eventually(async () => (await health()).status === 'HEALTHY', 'health says so');
    expect(await metric()).toBe('0');
    const told = logLines.filter((line) => line.includes('the proxy for webhooks'));
    expect(told.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
      expect.stringContaining('fails'),
      expect.stringContaining('works again'),
    ]);
    expect(logLines.join('')).not.toContain(PASSWORD);
    expect(logLines.join('')).not.toContain(encodeURIComponent(PASSWORD));
  }, 400_000);

  test('that was out for days adds no day to those after which a failing webhook is disabled', async () => {
    const webhooks = app.core.store.db.collection<{ _id: string }>('webhooks');
    const change = (id: string, set: object): Promise<void> =>
      // Not while it is held: who holds it writes what he knows of it.
      eventually(
        async () =>
          (await webhooks.updateOne({ _id: id, leaseUntil: null } as never, { $set: set })).matchedCount ===
          1,
        'it is changed',
      );
    const outSince = async (id: string): Promise<Date | null> =>
      (await app.core.webhooks.get(id))!.proxyOutSince;
    await proxy.stop();
    const [patient, hopeless] = [await create(OPEN, [500]), await create(OPEN, [500])];
    const failingSince = new Date(Date.now() - 7 * DAY);
    for (const { id } of [patient, hopeless]) await change(id, { consecutiveFailures: 30, failingSince });
    await store();
    for (const { id } of [patient, hopeless])
      await eventually(
        async () => (await outSince(id)) !== null,
        'it has found that the proxy is out',
        30 * SECOND,
      );
    // Of the seven days the proxy was out for three, and for one.
    const daysAgo = (days: number): Date => new Date(Date.now() - days * DAY);
    await change(patient.id, { proxyOutSince: daysAgo(3) });
    await change(hopeless.id, { proxyOutSince: daysAgo(1) });
    await proxy.start(proxyPort);
    for (const { receiver } of [patient, hopeless])
      await eventually(() => receiver.requests.length > 0, 'an attempt gets through', 90 * SECOND);
    await eventually(
      async () => (await app.core.webhooks.get(hopeless.id))!.state === 'DISABLED',
      'it is given up after six days of its own',
    );
    await eventually(async () => (await outSince(patient.id)) === null, 'the attempt is known');
    const { state, failingSince: since, consecutiveFailures } = (await app.core.webhooks.get(patient.id))!;
    expect([state, consecutiveFailures]).toEqual(['ACTIVE', 31]);
    expect(Math.abs(since!.getTime() - daysAgo(4).getTime())).toBeLessThan(DAY / 2);
  }, 400_000);

  const MOODS: [string, ProxyMood][] = [
    ['asks for another password', { status: 407 }],
    ['answers 502', { status: 502 }],
    ['answers 503', { status: 503 }],
    ['answers 403 to everybody', { status: 403 }],
    ['never answers', 'hang'],
    ['closes instead of answering', 'close'],
    ['does not speak HTTP', { bytes: '220 smtp.example.com ESMTP\r\n' }],
  ];
  test('that fails in any other way is not the fault of the webhooks either', async () => {
    for (const [what, mood] of MOODS) {
      proxy.mood = () => mood;
      const { id } = await create('receiver.test', [204], { timeoutMs: 2_000 });
      await store();
      await untilAttempt(id, (attempts) => attempts.length > 0);
      const { state, attempts } = await delivery(id);
      expect({ what, state, attempts }).toMatchObject({
        what,
        state: 'PENDING',
        attempts: [{ failure: 'proxy' }],
      });
      expect(await app.core.webhooks.get(id)).toMatchObject({
        consecutiveFailures: 0,
        breaker: { minutes: [] },
      });
      await eventually(async () => (await health()).status === 'DEGRADED', 'health says so');
      await admin.run('mutation ($id: ID!) { deleteWebhook(id: $id) }', { id: made.pop()! });
    }
  }, 240_000);

  test('that gets others through, but not this one, tells of this one', async () => {
    const dead = await create('receiver.test');
    const alive = await create(OPEN);
    proxy.mood = (authority) => (authority.endsWith(`:${dead.port}`) ? { status: 503 } : 'tunnel');
    await store();
    await untilDelivered(alive.id);
    await untilAttempt(dead.id, (attempts) => attempts[0]?.failure === 'proxy');
    await store();
    await eventually(
      async () => (await app.core.webhooks.get(dead.id))!.consecutiveFailures > 0,
      'it counts as its own failure',
      30 * SECOND,
    );
    const failures = (await delivery(dead.id)).attempts.map(({ failure }) => failure);
    const all = await app.core.deliveries.page({ webhookIds: [dead.id] }, { limit: 10 });
    expect(all.items.flatMap(({ item }) => item.attempts.map(({ failure }) => failure))).toContain('refused');
    expect(failures[0]).toBe('proxy');
    await eventually(async () => (await health()).status === 'HEALTHY', 'nothing is wrong with the proxy');
  }, 240_000);

  const health = async (): Promise<{ status: string; components: object[] }> =>
    (
      await app.anonymous.run<{ health: { status: string; components: object[] } }>(
        '{ health { status components { name status message } } }',
      )
    ).health;
  const metric = async (): Promise<string | undefined> =>
    /^trailgraph_webhook_proxy_failing (\d)$/m.exec(await (await fetch(`${app.url}/metrics`)).text())?.[1];
});

describe('connections by a proxy', () => {
  let close: (() => Promise<unknown>)[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'proxy-'));
  afterEach(async () => {
    for (const each of close.reverse()) await each();
    close = [];
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const certificate = (): { key: Buffer; cert: Buffer } => {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const names = ['-subj', '/CN=test', '-addext', 'subjectAltName=DNS:receiver.test,IP:127.0.0.1'];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30'];
    execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', cert, ...names], {
      stdio: 'ignore',
    });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  };

  interface Setting {
    resolves?: boolean;
    allow?: string;
    resolve?: Resolve;
    ca?: Buffer;
    secure?: boolean;
  }

  async function agentBy(proxy: ConnectProxy, setting: Setting = {}): Promise<GuardedAgent> {
    const port = await proxy.start();
    const agent = new GuardedAgent(new AddressGuard({ allow: parseCidrs(setting.allow ?? `${OPEN}/32`) }), {
      resolve: setting.resolve ?? (async () => [{ address: OPEN, family: 4 }]),
      ...(setting.ca ? { ca: setting.ca } : {}),
      proxy: {
        address: parseProxy(`http${setting.secure ? 's' : ''}://127.0.0.1:${port}`),
        resolves: setting.resolves ?? false,
        noProxy: parseNoProxy(''),
        gate: new ProxyGate({ now: () => performance.now(), random: Math.random, onState: () => undefined }),
        userAgent: 'test',
      },
    });
    close.push(
      () => proxy.stop(),
      () => agent.close(),
    );
    return agent;
  }

  async function receiver(tls?: { key: Buffer; cert: Buffer }): Promise<{ names: unknown[]; port: number }> {
    const names: unknown[] = [];
    const made = new HostileReceiver(
      (socket) => {
        names.push(Reflect.get(socket, 'servername'));
        socket.end('HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n');
      },
      tls ? { tls } : {},
    );
    close.push(() => made.stop());
    return { names, port: await made.start(OPEN) };
  }

  const ask = (agent: GuardedAgent, url: string): Promise<string> =>
    boundedRequest(agent, {
      url: new URL(url),
      method: 'POST',
      headers: {},
      body: Buffer.from('{}'),
      timeoutMs: 10_000,
      maxResponseBytes: 100,
    }).then(
      ({ status, address }) => `${status} ${address}`,
      (error: unknown) => networkFailureOf((error as NoAnswer).cause),
    );

  test('TLS goes through the tunnel to the receiver, by its name, also where the proxy itself speaks TLS', async () => {
    const own = certificate();
    const proxy = new ConnectProxy(own);
    const agent = await agentBy(proxy, { ca: own.cert, secure: true });
    const { names, port } = await receiver(own);
    expect(await ask(agent, `https://receiver.test:${port}/`)).toBe(`204 ${OPEN}`);
    expect(names).toEqual(['receiver.test']);
    expect(proxy.asked.map(({ authority }) => authority)).toEqual([`${OPEN}:${port}`]);
    // What the receiver shows inside of the tunnel is its own matter.
    expect(await ask(agent, `https://other.test:${port}/`)).toBe('tls');
  });

  test('a proxy whose certificate is not trusted is a failure of the proxy', async () => {
    const proxy = new ConnectProxy(certificate());
    const agent = await agentBy(proxy, { secure: true });
    const { port } = await receiver();
    expect(await ask(agent, `http://receiver.test:${port}/`)).toBe('proxy');
    expect(proxy.asked).toEqual([]);
  });

  test('a proxy that is to resolve gets names, and no blocked address', async () => {
    const proxy = new ConnectProxy();
    proxy.hosts.set('receiver.test', OPEN);
    const resolve: Resolve = () => Promise.reject(new Error('nobody is to be asked'));
    const agent = await agentBy(proxy, { resolves: true, resolve });
    const { port } = await receiver();
    expect(await ask(agent, `http://receiver.test:${port}/`)).toBe('204 null');
    expect(await ask(agent, `http://${OPEN}:${port}/`)).toBe(`204 ${OPEN}`);
    expect(await ask(agent, 'http://169.254.169.254/')).toBe('blocked_address');
    expect(await ask(agent, 'http://[::ffff:7f00:1]/')).toBe('blocked_address');
    expect(proxy.asked.map(({ authority }) => authority)).toEqual([
      `receiver.test:${port}`,
      `${OPEN}:${port}`,
    ]);
  });

  test('a blocked record refuses the name before the proxy is asked; of good ones, one that it reaches is found', async () => {
    const proxy = new ConnectProxy();
    let records = [OPEN, '10.0.0.1'];
    const resolve: Resolve = async () =>
      records.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    const agent = await agentBy(proxy, { resolve });
    const { port } = await receiver();
    expect(await ask(agent, `http://receiver.test:${port}/`)).toBe('blocked_address');
    expect(proxy.asked).toEqual([]);
    records = ['2606:4700::1111', OPEN];
    proxy.mood = (authority) => (authority.startsWith('[') ? { status: 503 } : 'tunnel');
    expect(await ask(agent, `http://receiver.test:${port}/`)).toBe(`204 ${OPEN}`);
    expect(proxy.asked.map(({ authority }) => authority)).toEqual([
      `[2606:4700::1111]:${port}`,
      `${OPEN}:${port}`,
    ]);
  });
});

describe('what is known of a proxy', () => {
  let now = 0;
  const states: ProxyState[] = [];
  const newGate = (): ProxyGate => {
    now = 0;
    states.length = 0;
    return new ProxyGate({ now: () => now, random: () => 1, onState: (state) => void states.push(state) });
  };
  const busy = { status: 503, message: 'busy' };

  test('while it is away, one at a time finds out whether it is back, ever more rarely', () => {
    const gate = newGate();
    const waits = [];
    for (let n = 0; n < 8; n++) {
      expect(gate.waitMs('a:1')).toBe(0);
      waits.push(gate.unreachable('gone').retryInMs);
      expect(gate.waitMs('b:1')).toBeGreaterThan(0);
      // Those that were under way count once.
      expect(gate.unreachable('gone').retryInMs).toBe(waits.at(-1));
      now += 30_000;
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    expect(gate.waitMs('a:1')).toBe(0);
    expect(gate.waitMs('b:1')).toBe(2_000);
    gate.tunnelled('a:1');
    expect(gate.waitMs('b:1')).toBe(0);
    expect(states.at(-1)).toEqual({ failing: false, message: null });
  });

  test('a target that it refuses waits alone, and is at fault itself once another one got through', () => {
    const gate = newGate();
    expect(networkFailureOf(gate.refusedBy('a:1', busy))).toBe('proxy');
    expect([gate.waitMs('a:1'), gate.waitMs('b:1')]).toEqual([2_000, 0]);
    now += 2_000;
    expect(networkFailureOf(gate.refusedBy('a:1', busy))).toBe('proxy');
    expect(gate.waitMs('a:1')).toBe(4_000);
    gate.tunnelled('b:1');
    now += 4_000;
    expect(networkFailureOf(gate.refusedBy('a:1', busy))).toBe('refused');
    expect(networkFailureOf(gate.refusedBy('a:1', { status: 407, message: 'no' }))).toBe('blocked_address');
    expect(networkFailureOf(gate.refusedBy('a:1', { status: null, message: 'late' }))).toBe('timeout');
    expect(gate.waitMs('a:1')).toBe(0);
    gate.tunnelled('a:1');
    expect(networkFailureOf(gate.refusedBy('a:1', busy))).toBe('proxy');
  });
});

describe('how a proxy is named', () => {
  const settings = (more: Record<string, string>) => readSettings({ ...more, MONGODB_URI: 'mongodb://db/x' });

  test('by a URL of http or https, with user and password or without, also from a file', () => {
    expect(parseProxy('http://proxy.example.com:3128')).toEqual({
      host: 'proxy.example.com',
      port: 3128,
      secure: false,
      authorization: null,
    });
    expect(parseProxy('https://u:p%3Ax@[fd00::1]/')).toEqual({
      host: 'fd00::1',
      port: 443,
      secure: true,
      authorization: `Basic ${Buffer.from('u:p:x').toString('base64')}`,
    });
    const file = join(mkdtempSync(join(tmpdir(), 'proxy-')), 'proxy');
    writeFileSync(file, 'http://u:hush@proxy:3128\n');
    expect(settings({ WEBHOOK_PROXY_FILE: file }).WEBHOOK_PROXY).toBe('http://u:hush@proxy:3128');
    rmSync(file);
  });

  test.each([
    'socks5://u:hush@proxy:1',
    'hush',
    'http://u:hush@',
    'http://u:hush@proxy/path',
    'http://u:hush%@proxy',
  ])('and refused otherwise, without the password: %s', (text) => {
    const read = (): unknown => settings({ WEBHOOK_PROXY: text });
    expect(read).toThrow('WEBHOOK_PROXY: ');
    expect(read).not.toThrow('hush');
  });

  test('and so are who goes without it', () => {
    const rules = parseNoProxy('internal.example.com, .corp, *.lan, 10.0.0.0/8, fd00::1');
    const direct = [
      'internal.example.com',
      'a.internal.example.com.',
      'x.corp',
      'y.LAN',
      '10.1.2.3',
      'fd00::1',
    ];
    const by = ['example.com', 'notinternal.example.com', 'corpx', '11.0.0.1', 'fd00::2', '::ffff:10.0.0.1'];
    expect(direct.filter((host) => !goesDirect(host, rules))).toEqual([]);
    expect(by.filter((host) => goesDirect(host, rules))).toEqual([]);
    expect(() => settings({ WEBHOOK_NO_PROXY: 'a, b/c' })).toThrow('"b/c" is neither a name nor');
    expect(() => settings({ WEBHOOK_DNS_SERVERS: 'one.one' })).toThrow('"one.one" is not a name server');
  });
});
