import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Webhook } from 'standardwebhooks';
import { type AttemptRequest, attemptDelivery, MAX_RESPONSE_BYTES } from '../src/delivery/attempt';
import { webhookBody as bodyOf, MAX_BODY_BYTES } from '../src/delivery/body';
import { BodyCutter } from '../src/delivery/body-cutter';
import { customHeaderFaults } from '../src/delivery/custom-headers';
import type { BodyEvent } from '../src/delivery/formats/body-format';
import { retryAfterMs } from '../src/delivery/retry-after';
import { newWebhookSecret, parseWebhookSecret, sign } from '../src/delivery/signature';
import { backoffMs, nextRetryDelayMs, RETRY_DELAYS_MS } from '../src/domain/backoff';
import { AddressGuard, parseCidrs } from '../src/net/address-guard';
import { GuardedAgent, type GuardedAgentOptions } from '../src/net/guarded-agent';

const tls = (file: string) => readFileSync(join(__dirname, 'support', 'tls', file));
const loopback = new AddressGuard({ allow: parseCidrs('127.0.0.0/8') });

let close: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const each of close.reverse()) await each();
  close = [];
});

/** Listens on loopback; its sockets are cut when the test ends. */
async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  close.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return (server.address() as AddressInfo).port;
}

function agentWith(options: GuardedAgentOptions = {}, guard = loopback): GuardedAgent {
  const agent = new GuardedAgent(guard, {
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    ...options,
  });
  close.push(() => agent.close());
  return agent;
}

const secret = newWebhookSecret();

function requestTo(url: string, overrides: Partial<AttemptRequest> = {}): AttemptRequest {
  return {
    url: new URL(url),
    id: 'msg_1',
    body: Buffer.from('{"type":"cloudtrail.event.enriched"}'),
    timestampSeconds: Math.floor(Date.now() / 1_000),
    secrets: [parseWebhookSecret(secret)],
    headers: {},
    timeoutMs: 5_000,
    userAgent: 'TrailGraph/test',
    ...overrides,
  };
}

/** One attempt at a receiver that does what `listener` does. */
async function attemptAt(listener: RequestListener, overrides: Partial<AttemptRequest> = {}, path = '/hook') {
  const port = await listen(createServer(listener));
  return attemptDelivery(requestTo(`http://receiver.test:${port}${path}`, overrides), agentWith());
}

describe('what a receiver gets', () => {
  test('a POST that the standardwebhooks package verifies, with the exact body and the custom headers', async () => {
    const seen: { method?: string; url?: string; headers: IncomingHttpHeaders; body: Buffer }[] = [];
    const body = Buffer.from('{"data":{"name":"Grüße 𝄞","n":12345678901234567890}}');
    const result = await attemptAt(
      async (request, response) => {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        seen.push({
          method: request.method,
          url: request.url,
          headers: request.headers,
          body: Buffer.concat(chunks),
        });
        response.end('thanks');
      },
      { body, headers: { Authorization: 'Bearer x', 'X-Team': 'blue' } },
      '/hook?key=a%20b',
    );
    expect(result).toEqual({
      startedAt: expect.any(Date),
      durationMs: expect.any(Number),
      status: 200,
      failure: null,
      failureReason: null,
      responseBody: 'thanks',
      address: '127.0.0.1',
      retryAfterMs: null,
    });
    expect(seen).toHaveLength(1);
    const { method, url, headers, body: received } = seen[0]!;
    expect([method, url]).toEqual(['POST', '/hook?key=a%20b']);
    expect(received).toEqual(body);
    expect(headers).toMatchObject({
      authorization: 'Bearer x',
      'x-team': 'blue',
      'content-type': 'application/json',
      'content-length': String(body.length),
      'user-agent': 'TrailGraph/test',
      'webhook-id': 'msg_1',
    });
    expect(headers.host).toMatch(/^receiver\.test:\d+$/);
    expect(() => new Webhook(secret).verify(received, headers as Record<string, string>)).not.toThrow();
    expect(() =>
      new Webhook(newWebhookSecret()).verify(received, headers as Record<string, string>),
    ).toThrow();
  });

  test('while a secret rotates, a receiver with either secret verifies', () => {
    const body = Buffer.from('{}');
    const older = newWebhookSecret();
    const timestampSeconds = Math.floor(Date.now() / 1_000);
    const secrets = [parseWebhookSecret(secret), parseWebhookSecret(older)];
    const headers = {
      'webhook-id': 'msg_2',
      'webhook-timestamp': String(timestampSeconds),
      'webhook-signature': sign({ id: 'msg_2', timestampSeconds, body, secrets }),
    };
    expect(() => new Webhook(secret).verify(body, headers)).not.toThrow();
    expect(() => new Webhook(older).verify(body, headers)).not.toThrow();
  });

  test('the signature of the known answer', () => {
    const signature = sign({
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      timestampSeconds: 1614265330,
      body: Buffer.from('{"test": 2432232314}'),
      secrets: [parseWebhookSecret('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')],
    });
    expect(signature).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  test('secrets: a new one has 32 bytes; what is not whsec_ and 24 to 64 bytes of base64 is refused, unseen', () => {
    expect(parseWebhookSecret(newWebhookSecret())).toHaveLength(32);
    expect(newWebhookSecret()).not.toBe(newWebhookSecret());
    const of = (bytes: number) => Buffer.alloc(bytes, 7).toString('base64');
    for (const good of [24, 64]) expect(parseWebhookSecret(`whsec_${of(good)}`)).toHaveLength(good);
    for (const bad of [
      of(32),
      `whsec_${of(23)}`,
      `whsec_${of(65)}`,
      `whsec_${of(32)}!`,
      `whsec_ ${of(32)}`,
      'whsec_',
      '',
    ]) {
      expect(() => parseWebhookSecret(bad)).toThrow('whsec_ followed by');
    }
  });
});

describe('what counts as success', () => {
  test.each([
    [200, null],
    [201, null],
    [202, null],
    [204, null],
    [299, null],
    [304, 'http_3xx'],
    [400, 'http_4xx'],
    [404, 'http_4xx'],
    [410, 'http_4xx'],
    [429, 'http_4xx'],
    [500, 'http_5xx'],
    [503, 'http_5xx'],
  ])('%i gives %s', async (status, failure) => {
    const result = await attemptAt((_, response) => response.writeHead(status).end());
    expect(result).toMatchObject({ status, failure, responseBody: '' });
  });

  test.each([301, 302, 303, 307, 308])(
    'a redirect by %i to the metadata address is a failure, not followed',
    async (status) => {
      let requests = 0;
      const result = await attemptAt((_, response) => {
        requests++;
        response.writeHead(status, { location: 'http://169.254.169.254/latest/meta-data/' }).end('moved');
      });
      expect(result).toMatchObject({
        status,
        failure: 'http_3xx',
        responseBody: 'moved',
        address: '127.0.0.1',
      });
      expect(requests).toBe(1);
    },
  );

  test('sockets that were kept alive carry the next deliveries', async () => {
    let connections = 0;
    const server = createServer((request, response) => request.resume().on('end', () => response.end('ok')));
    server.on('connection', () => connections++);
    const port = await listen(server);
    const agent = agentWith();
    for (let n = 0; n < 10; n++) {
      const result = await attemptDelivery(requestTo(`http://receiver.test:${port}/`), agent);
      expect(result).toMatchObject({ failure: null, address: '127.0.0.1' });
    }
    // The second opens where the first is not yet free again.
    expect(connections).toBeLessThanOrEqual(2);
  });
});

describe('Retry-After', () => {
  const now = new Date('2026-03-04T05:06:07Z');
  const hour = 3_600_000;
  test.each<[string | string[] | undefined, number | null]>([
    ['120', 120_000],
    [' 120 ', 120_000],
    [['60', '120'], 60_000],
    ['86400', 24 * hour],
    ['864000', 24 * hour],
    ['Wed, 04 Mar 2026 06:06:07 GMT', hour],
    ['Wednesday, 04-Mar-26 06:06:07 GMT', hour],
    ['Wed Mar  4 06:06:07 2026', hour],
    ['Sat, 14 Mar 2026 05:06:07 GMT', 24 * hour],
    ['Wed, 04 Mar 2026 05:06:06 GMT', null],
    ['Wed, 04 Mar 2099 05:06:07 GMT', null],
    ['1772600767', null],
    ['999999999999999999999', null],
    ['0', null],
    ['-5', null],
    ['1.5', null],
    ['1e3', null],
    ['Infinity', null],
    ['2026-03-04T06:06:07Z', null],
    ['tomorrow', null],
    ['Wed, 99 Foo 2026 06:06:07 GMT', null],
    ['', null],
    [undefined, null],
  ])('%j means %p ms', (header, expected) => {
    expect(retryAfterMs(header, now)).toBe(expected);
  });

  test.each([
    [429, 7_000],
    [502, 7_000],
    [503, 7_000],
    [504, 7_000],
    [500, null],
    [400, null],
    [301, null],
    [200, null],
  ])('an answer %i with it asks for %p ms', async (status, expected) => {
    const result = await attemptAt((_, response) => response.writeHead(status, { 'retry-after': '7' }).end());
    expect(result.retryAfterMs).toBe(expected);
  });
});

describe('receivers that misbehave', () => {
  test('one that never answers is given up in time', async () => {
    const result = await attemptAt(() => {}, { timeoutMs: 300 });
    expect(result).toMatchObject({
      status: null,
      failure: 'timeout',
      responseBody: null,
      address: '127.0.0.1',
    });
    expect(result.durationMs).toBeGreaterThanOrEqual(295);
    expect(result.durationMs).toBeLessThan(900);
  });

  test('one that trickles its answer is given up in time, with what it said', async () => {
    const timers: NodeJS.Timeout[] = [];
    const result = await attemptAt(
      (_, response) => {
        response.writeHead(200);
        timers.push(setInterval(() => response.write('.'), 50));
      },
      { timeoutMs: 400 },
    );
    timers.forEach(clearInterval);
    expect(result).toMatchObject({
      status: 200,
      failure: 'timeout',
      responseBody: expect.stringMatching(/^\.+$/),
    });
    expect(result.durationMs).toBeLessThan(1_200);
  });

  test('one that trickles its headers is given up in time', async () => {
    const timers: NodeJS.Timeout[] = [];
    const server = createTcpServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      timers.push(setInterval(() => socket.write('X-A: b\r\n'), 50));
    });
    const port = await listen(server);
    const result = await attemptDelivery(
      requestTo(`http://receiver.test:${port}/`, { timeoutMs: 400 }),
      agentWith(),
    );
    timers.forEach(clearInterval);
    expect(result).toMatchObject({ status: null, failure: 'timeout' });
    expect(result.durationMs).toBeLessThan(1_200);
  });

  test('of 10 MB only 16 KiB are kept, and the socket is closed on the rest', async () => {
    let sent = 0;
    let closed: Promise<unknown> = Promise.resolve();
    const result = await attemptAt((_, response) => {
      closed = once(response, 'close');
      const more = () => {
        while (sent < 10_000_000) {
          sent += 64_000;
          if (!response.write('x'.repeat(64_000))) return void response.once('drain', more);
        }
        response.end();
      };
      more();
    });
    expect(result).toMatchObject({ status: 200, failure: null });
    expect(result.responseBody).toBe('x'.repeat(MAX_RESPONSE_BYTES));
    await closed;
    expect(sent).toBeLessThan(10_000_000);
  });

  test('a character that the limit cuts in two is left out', async () => {
    const result = await attemptAt((_, response) =>
      response.end(`${'x'.repeat(MAX_RESPONSE_BYTES - 1)}ü and more`),
    );
    expect(result.responseBody).toBe('x'.repeat(MAX_RESPONSE_BYTES - 1));
  });

  test('a gzip bomb is not inflated', async () => {
    const bomb = gzipSync(Buffer.alloc(8_000_000));
    const result = await attemptAt((_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
    );
    expect(result).toMatchObject({ status: 200, failure: null });
    expect(result.responseBody).toBe(
      `(${Math.min(bomb.length, MAX_RESPONSE_BYTES)} bytes in content-encoding gzip, not decoded)`,
    );
  });

  test('one that closes at once, before or in the middle of its answer, is a reset', async () => {
    const port = await listen(createTcpServer((socket) => socket.destroy()));
    const agent = agentWith();
    const before = await attemptDelivery(requestTo(`http://receiver.test:${port}/`), agent);
    expect(before).toMatchObject({ status: null, failure: 'reset', responseBody: null });
    const middle = await attemptAt((_, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('half');
      setImmediate(() => response.destroy());
    });
    expect(middle).toMatchObject({ status: 200, failure: 'reset', responseBody: 'half' });
  });

  test('one that does not speak HTTP, and one with endless headers, fail', async () => {
    const agent = agentWith();
    for (const nonsense of [
      'SSH-2.0-OpenSSH_9.9\r\n',
      `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(200_000)}\r\n\r\n`,
    ]) {
      const port = await listen(createTcpServer((socket) => socket.write(nonsense)));
      const result = await attemptDelivery(requestTo(`http://receiver.test:${port}/`), agent);
      expect(result).toMatchObject({ status: null, failure: 'other' });
    }
  });

  test('a port where nobody listens is refused, and the address is told', async () => {
    const server = createTcpServer();
    const port = await listen(server);
    server.close();
    const result = await attemptDelivery(requestTo(`http://receiver.test:${port}/`), agentWith());
    expect(result).toMatchObject({ status: null, failure: 'refused', address: '127.0.0.1' });
  });

  test('names that do not resolve, and addresses that are blocked', async () => {
    const resolve = async () => {
      throw Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' });
    };
    const nowhere = await attemptDelivery(requestTo('http://nowhere.test/'), agentWith({ resolve }));
    expect(nowhere).toMatchObject({ status: null, failure: 'dns', address: null });

    const metadata = async () => [{ address: '169.254.169.254', family: 4 }];
    const blocked = await attemptDelivery(
      requestTo('http://innocent.test/'),
      agentWith({ resolve: metadata }),
    );
    expect(blocked).toMatchObject({ status: null, failure: 'blocked_address', address: '169.254.169.254' });

    const literal = await attemptDelivery(requestTo('http://[::ffff:a9fe:a9fe]/'), agentWith());
    expect(literal).toMatchObject({ status: null, failure: 'blocked_address', address: '::ffff:a9fe:a9fe' });
  });

  test('a caller who aborts gets the reason, not a result', async () => {
    const stop = new AbortController();
    const port = await listen(createServer(() => stop.abort(new Error('shutting down'))));
    const attempt = attemptDelivery(requestTo(`http://receiver.test:${port}/`), agentWith(), stop.signal);
    await expect(attempt).rejects.toThrow('shutting down');
  });
});

describe('TLS', () => {
  async function secureReceiver(certificate: string) {
    const names: string[] = [];
    const options = { key: tls('receiver.key.pem'), cert: tls(certificate) };
    const server = createTlsServer(options, (request, response) => {
      request.resume().on('end', () => response.end('ok'));
    });
    server.on('secureConnection', (socket) => names.push(String(socket.servername)));
    return { names, port: await listen(server) };
  }
  const trusting = () => agentWith({ ca: tls('ca.crt.pem') });

  test('the name is verified and sent as SNI although the connection goes to an address', async () => {
    const { names, port } = await secureReceiver('receiver.crt.pem');
    const result = await attemptDelivery(requestTo(`https://receiver.test:${port}/`), trusting());
    expect(result).toMatchObject({ status: 200, failure: null, address: '127.0.0.1' });
    expect(names).toEqual(['receiver.test']);
  });

  test.each([
    ['an expired certificate', 'expired.crt.pem', 'receiver.test', trusting],
    ['a certificate for another name', 'receiver.crt.pem', 'other.test', trusting],
    ['a certificate of a foreign authority', 'receiver.crt.pem', 'receiver.test', () => agentWith()],
  ])('%s is a failure of TLS', async (_, certificate, name, agent) => {
    const { port } = await secureReceiver(certificate);
    const result = await attemptDelivery(requestTo(`https://${name}:${port}/`), agent());
    expect(result).toMatchObject({ status: null, failure: 'tls', address: '127.0.0.1' });
  });

  test('a receiver without TLS on an https URL is a failure of TLS', async () => {
    const port = await listen(createServer((_, response) => response.end()));
    const result = await attemptDelivery(requestTo(`https://receiver.test:${port}/`), trusting());
    expect(result).toMatchObject({ status: null, failure: 'tls' });
  });
});

describe('bodies', () => {
  const timestamp = new Date('2026-01-02T03:04:05.678Z');
  const enrichmentJson = '{"outcome":"SUCCESS"}';
  const event = (recordText: string, id = 'e1'): BodyEvent => ({
    id,
    recordText,
    enrichmentJson,
    ingestedAt: timestamp,
  });
  const webhookBody = (delivery: Omit<Parameters<typeof bodyOf>[0], 'format'>): Buffer =>
    bodyOf({ ...delivery, format: 'ENRICHED' });
  const cut = (events: BodyEvent[], batchSize: number): { count: number; thin: boolean } =>
    new BodyCutter('ENRICHED', batchSize).next(events, 0);

  test('one event: the record as it came, to the last digit, and its enrichment beside', () => {
    const recordText = ' { "eventID" : "e1", "big": 12345678901234567890, "e": 1e400 }\n';
    const body = webhookBody({ events: [event(recordText)], batch: false, timestamp }).toString();
    expect(body).toContain('"big": 12345678901234567890, "e": 1e400');
    expect(JSON.parse(body)).toMatchObject({
      type: 'cloudtrail.event.enriched',
      timestamp: '2026-01-02T03:04:05.678Z',
      data: { eventID: 'e1', enrichment: { outcome: 'SUCCESS' } },
    });
  });

  test.each(['{}', '{ }', '{\n\t}  \n', '{"a":{}}', '{"a":"}"} '])(
    '%j takes its enrichment',
    (recordText) => {
      const body = webhookBody({ events: [event(recordText)], batch: false, timestamp });
      expect(JSON.parse(body.toString()).data).toEqual({
        ...JSON.parse(recordText),
        enrichment: { outcome: 'SUCCESS' },
      });
    },
  );

  test('a record can not forge its enrichment', () => {
    const body = webhookBody({
      events: [event('{"enrichment":{"outcome":"forged"}}')],
      batch: false,
      timestamp,
    });
    expect(JSON.parse(body.toString()).data.enrichment).toEqual({ outcome: 'SUCCESS' });
  });

  test('a batch is a list, also of one', () => {
    const events = [event('{"eventID":"e1"}'), event('{"eventID":"e2"}', 'e2')];
    const two = JSON.parse(webhookBody({ events, batch: true, timestamp }).toString());
    expect(two.type).toBe('cloudtrail.events.enriched');
    expect(two.data.map((each: { eventID: string }) => each.eventID)).toEqual(['e1', 'e2']);
    const one = JSON.parse(webhookBody({ events: events.slice(0, 1), batch: true, timestamp }).toString());
    expect(one.data).toHaveLength(1);
  });

  test('a chunk is cut by count and by bytes, and what was cut fits', () => {
    const small = event('{}');
    expect(cut([small, small, small], 2)).toEqual({ count: 2, thin: false });
    expect(cut([small], 100)).toEqual({ count: 1, thin: false });
    const events = Array.from({ length: 9 }, (_, n) => event(`{"n":${n},"pad":"${'ü'.repeat(100_000)}"}`));
    const { count } = cut(events, 1_000);
    const bytes = (n: number) => webhookBody({ events: events.slice(0, n), batch: true, timestamp }).length;
    expect(bytes(count)).toBeLessThanOrEqual(MAX_BODY_BYTES);
    expect(bytes(count + 1)).toBeGreaterThan(MAX_BODY_BYTES);
  });

  test('an event that no body can hold goes thin, with the id by which the API gives it', () => {
    const big = event(
      JSON.stringify({ eventName: 'PutObject', eventTime: 7, pad: 'x'.repeat(MAX_BODY_BYTES) }),
      'e9',
    );
    expect(cut([big, event('{}')], 100)).toEqual({ count: 1, thin: true });
    const body = webhookBody({ events: [big], batch: false, thin: true, timestamp });
    expect(body.length).toBeLessThan(1_000);
    expect(JSON.parse(body.toString()).data).toEqual({
      id: 'e9',
      thin: true,
      bytes: Buffer.byteLength(big.recordText),
      eventName: 'PutObject',
      enrichment: { outcome: 'SUCCESS' },
    });
  });
});

describe('custom headers', () => {
  const faultsOf = (name: string, value = 'v') => customHeaderFaults([{ name, value }], ['input', 'headers']);

  test.each(['Authorization', 'X-Api-Key', 'x_a', 'webhookish', '__proto__'])('%s may be set', (name) => {
    expect(faultsOf(name)).toEqual([]);
  });

  test.each([
    'Host',
    'content-length',
    'Content-Type',
    'Connection',
    'Transfer-Encoding',
    'TE',
    'Upgrade',
    'Expect',
    'Webhook-Id',
    'webhook-x',
  ])('%s may not', (name) => {
    expect(faultsOf(name)).toEqual([
      { path: ['input', 'headers', 0, 'name'], message: expect.stringContaining('can not be set') },
    ]);
  });

  test.each(['', 'a b', 'a:b', 'a\r\nb', 'ü', 'a\0'])('%j is no name', (name) => {
    expect(faultsOf(name)).toHaveLength(1);
  });

  test('values: one line of ASCII of at most 4 KB, never echoed', () => {
    expect(faultsOf('x', 'a\tb ~')).toEqual([]);
    expect(faultsOf('x', 'v'.repeat(4_095))).toEqual([]);
    for (const value of [
      'geheim\r\nX-B: c',
      'geheim\n',
      'geheim\0',
      'geheim ü',
      `geheim${'v'.repeat(4_096)}`,
    ]) {
      const faults = faultsOf('x', value);
      expect(faults).toEqual([
        { path: ['input', 'headers', 0, 'value'], message: expect.not.stringContaining('geheim') },
      ]);
    }
  });

  test('at most 20, none twice', () => {
    const many = (count: number) => Array.from({ length: count }, (_, n) => ({ name: `x-${n}`, value: '' }));
    expect(customHeaderFaults(many(20))).toEqual([]);
    expect(customHeaderFaults(many(21))).toEqual([{ path: [], message: expect.stringContaining('20') }]);
    const twice = [
      { name: 'X-A', value: '1' },
      { name: 'x-a', value: '2' },
    ];
    expect(customHeaderFaults(twice)).toEqual([
      { path: [1, 'name'], message: expect.stringContaining('twice') },
    ]);
  });
});

describe('waits', () => {
  test('retries follow the schedule, each 20 % sooner or later at most, and end after the tenth attempt', () => {
    const seconds = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
    expect(RETRY_DELAYS_MS).toEqual(seconds.map((each) => each * 1_000));
    seconds.forEach((each, index) => {
      expect(nextRetryDelayMs(index + 1, () => 0)).toBe(each * 800);
      expect(nextRetryDelayMs(index + 1, () => 0.5)).toBe(each * 1_000);
      expect(nextRetryDelayMs(index + 1, () => 0.999999999)).toBeLessThanOrEqual(each * 1_200);
    });
    expect(nextRetryDelayMs(10, () => 0.5)).toBeNull();
  });

  test('a backoff doubles up to its cap and never leaves it', () => {
    const bounds = { baseMs: 100, maxMs: 1_000 };
    const top = [1, 2, 3, 4, 5, 6, 5_000].map((tries) => backoffMs(tries, bounds, () => 0.9999999));
    expect(top).toEqual([100, 200, 400, 800, 1_000, 1_000, 1_000]);
    expect(backoffMs(3, bounds, () => 0)).toBe(200);
  });
});
