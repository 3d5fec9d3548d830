import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AddressGuard, parseCidrs } from '../src/net/address-guard';
import { boundedRequest, NoAnswer } from '../src/net/bounded-request';
import { networkFailureOf } from '../src/net/failure';
import { GuardedAgent } from '../src/net/guarded-agent';
import { guardedLookup, type Resolve } from '../src/net/guarded-lookup';

const closed = new AddressGuard({ allow: [] });
const guardAllowing = (cidrs: string) => new AddressGuard({ allow: parseCidrs(cidrs) });

describe('which addresses the guard lets through', () => {
  // One address out of each block of IANA's two special-purpose registries, and what is like them.
  test.each([
    ['0.0.0.0', 'this network'],
    ['0.255.255.255', 'this network, its end'],
    ['10.0.0.1', 'private'],
    ['100.64.0.1', 'shared address space'],
    ['100.100.100.200', 'metadata at Alibaba'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback, its end'],
    ['168.63.129.16', 'metadata at Azure'],
    ['169.254.169.254', 'metadata'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private, its end'],
    ['192.0.0.1', 'IETF protocol assignments'],
    ['192.0.0.192', 'metadata at Oracle'],
    ['192.0.2.1', 'documentation'],
    ['192.31.196.1', 'AS112'],
    ['192.52.193.1', 'AMT'],
    ['192.88.99.1', '6to4 relay'],
    ['192.168.1.1', 'private'],
    ['192.175.48.1', 'AS112'],
    ['198.18.0.1', 'benchmarking'],
    ['198.19.255.255', 'benchmarking, its end'],
    ['198.51.100.1', 'documentation'],
    ['203.0.113.1', 'documentation'],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'broadcast'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['::127.0.0.1', 'IPv4-compatible'],
    ['::ffff:127.0.0.1', 'IPv4-mapped loopback'],
    ['::ffff:7f00:1', 'the same in hex'],
    ['::ffff:169.254.169.254', 'IPv4-mapped metadata'],
    ['::ffff:8.8.8.8', 'IPv4-mapped, the block itself'],
    ['::ffff:0:10.0.0.1', 'IPv4-translated'],
    ['64:ff9b::10.0.0.1', 'NAT64 to a private address'],
    ['64:ff9b::8.8.8.8', 'NAT64, the block itself'],
    ['64:ff9b:1::10.0.0.1', 'local NAT64'],
    ['100::1', 'discard only'],
    ['100:0:0:1::1', 'dummy prefix'],
    ['2001::1', 'Teredo'],
    ['2001:1::1', 'port control protocol'],
    ['2001:2::1', 'benchmarking'],
    ['2001:3::1', 'AMT'],
    ['2001:4:112::1', 'AS112'],
    ['2001:10::1', 'ORCHID'],
    ['2001:20::1', 'ORCHIDv2'],
    ['2001:30::1', 'drone remote id'],
    ['2001:db8::1', 'documentation'],
    ['2002:7f00:1::', '6to4 to loopback'],
    ['2002:808:808::1', '6to4, the block itself'],
    ['2620:4f:8000::1', 'AS112'],
    ['3fff::1', 'documentation'],
    ['5f00::1', 'segment routing'],
    ['fc00::1', 'unique local'],
    ['fd00:ec2::254', 'metadata at AWS'],
    ['fe80::1', 'link local'],
    ['fe80::1%lo', 'link local with a zone'],
    ['fec0::1', 'site local'],
    ['ff02::1', 'multicast'],
    ['4000::1', 'not assigned'],
  ])('%s is blocked (%s)', (address) => {
    expect(closed.check(address, 443)).toEqual(expect.any(String));
  });

  test.each([
    '1.1.1.1',
    '8.8.8.8',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '169.253.255.255',
    '172.15.255.255',
    '172.32.0.0',
    '192.167.255.255',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '2606:4700:4700::1111',
    '2a00:1450:4001:80e::200e',
    '2001:4860:4860::8888',
    '2600::1',
  ])('%s is public', (address) => {
    expect(closed.check(address, 443)).toBeNull();
  });

  test.each(['', 'localhost', '0x7f.1', '2130706433', '010.0.0.1', '1.1.1', '[::1]', '1.1.1.1 '])(
    'what is no plain address is not let through: "%s"',
    (text) => {
      expect(closed.check(text, 443)).toContain('not an IP address');
    },
  );

  test('what the operator opened is open, and nothing beside it', () => {
    const guard = guardAllowing('127.0.0.0/8, fd00::/8, 10.1.2.3');
    expect(guard.check('127.0.0.1', 80)).toBeNull();
    expect(guard.check('::ffff:127.0.0.1', 80)).toBeNull();
    expect(guard.check('fd12::1', 80)).toBeNull();
    expect(guard.check('10.1.2.3', 80)).toBeNull();
    expect(guard.check('10.1.2.4', 80)).not.toBeNull();
    expect(guard.check('::1', 80)).not.toBeNull();
    expect(guard.check('fc00::1', 80)).not.toBeNull();
    expect(guardAllowing('::1').check('::1', 80)).toBeNull();
  });

  test('an opened NAT64 prefix leads to the internet, not to the private addresses behind it', () => {
    const guard = guardAllowing('64:ff9b::/96, 2002::/16, 2001::/32');
    expect(guard.check('64:ff9b::8.8.8.8', 443)).toBeNull();
    expect(guard.check('64:ff9b::169.254.169.254', 443)).toContain('169.254.169.254');
    expect(guard.check('2002:a9fe:a9fe::1', 443)).toContain('169.254.169.254');
    // Teredo keeps the client's address with its bits flipped.
    expect(guard.check('2001:0:4136:e378:8000:63bf:5601:5601', 443)).toContain('169.254.169.254');
  });

  test('our own ports stay closed by whatever name of this machine, also where loopback is open', () => {
    const deny = [{ address: '127.0.0.1', port: 27017 }];
    const guard = new AddressGuard({ allow: parseCidrs('0.0.0.0/0, ::/0'), deny });
    for (const address of ['127.0.0.1', '127.0.0.2', '::1', '0.0.0.0', '::', '::ffff:127.0.0.1']) {
      expect(guard.check(address, 27017)).toContain('TrailGraph itself');
      expect(guard.check(address, 27018)).toBeNull();
    }
    deny.push({ address: '127.0.0.1', port: 27018 });
    expect(guard.check('127.0.0.1', 27018)).not.toBeNull();
  });
});

describe('which URLs the guard lets through', () => {
  test.each([
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f000001/',
    'http://0x7f.1/',
    'http://0177.0.0.1/',
    'http://017700000001/',
    'http://127.1/',
    'http://127.0.0.1./',
    'http://①②⑦.⓪.⓪.①/',
    'http://%31%32%37.0.0.1/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:a9fe:a9fe]/latest/meta-data',
    'http://[64:ff9b::a9fe:a9fe]/',
    'https://169.254.169.254/',
    'https://0/',
  ])('%s is a blocked literal', (url) => {
    expect(closed.checkUrl(new URL(url))).toEqual(expect.any(String));
  });

  test.each(['ftp://example.com/', 'file:///etc/passwd', 'gopher://1.1.1.1/', 'data:text/plain,x'])(
    '%s has a scheme that is not called',
    (url) => {
      expect(closed.checkUrl(new URL(url))).toContain('http and https');
    },
  );

  test.each(['https://user@example.com/', 'https://user:pass@example.com/', 'https://:pass@example.com/'])(
    '%s carries credentials',
    (url) => {
      expect(closed.checkUrl(new URL(url))).toContain('user name');
    },
  );

  test('names and public literals pass; a denied port of a literal does not', () => {
    expect(closed.checkUrl(new URL('https://example.com/hook?a=b'))).toBeNull();
    expect(closed.checkUrl(new URL('http://1.1.1.1:8080/'))).toBeNull();
    expect(closed.checkUrl(new URL('https://[2606:4700:4700::1111]/'))).toBeNull();
    const own = new AddressGuard({
      allow: parseCidrs('127.0.0.0/8'),
      deny: [{ address: '127.0.0.1', port: 443 }],
    });
    expect(own.checkUrl(new URL('https://127.0.0.1/'))).not.toBeNull();
    expect(own.checkUrl(new URL('http://127.0.0.1/'))).toBeNull();
  });
});

describe('lists of ranges', () => {
  test('single addresses and ranges of both families are read', () => {
    expect(parseCidrs(' 10.0.0.0/8,::1 , 192.168.1.7/32,').map(({ text }) => text)).toEqual([
      '10.0.0.0/8',
      '::1',
      '192.168.1.7/32',
    ]);
    expect(parseCidrs('')).toEqual([]);
  });

  test.each([
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    '10.0/8',
    'localhost',
    '10.0.0.0/-1',
    '0x0a.0.0.0/8',
  ])('"%s" is refused by name', (part) => {
    expect(() => parseCidrs(`127.0.0.0/8,${part}`)).toThrow(`"${part}"`);
  });
});

describe('connections', () => {
  let close: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const each of close.reverse()) await each();
    close = [];
  });

  /** A server on loopback that counts what reaches it. */
  async function listen() {
    const hosts: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      hosts.push(request.headers.host);
      response.end('hello');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    close.push(
      () =>
        new Promise((resolve) => {
          server.close(resolve);
          server.closeAllConnections();
        }),
    );
    return { hosts, port: (server.address() as AddressInfo).port };
  }

  function agentOf(guard: AddressGuard, resolve: Resolve) {
    const agent = new GuardedAgent(guard, { resolve });
    close.push(() => agent.close());
    return agent;
  }

  const fetchFrom = (agent: GuardedAgent, url: string) =>
    boundedRequest(agent, {
      url: new URL(url),
      method: 'GET',
      headers: {},
      timeoutMs: 5_000,
      maxResponseBytes: 100,
    });

  async function failureOf(work: Promise<unknown>) {
    const error = await work.then(
      () => null,
      (each: unknown) => each,
    );
    expect(error).toBeInstanceOf(NoAnswer);
    return networkFailureOf((error as NoAnswer).cause);
  }

  const answering =
    (...answers: string[][]): Resolve =>
    async () => {
      const records = answers.length > 1 ? answers.shift()! : answers[0]!;
      return records.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    };

  test('the connection goes to the address that was checked, and Host keeps the name', async () => {
    const { hosts, port } = await listen();
    let asked = 0;
    // A second answer, as a rebinding name server gives it, would be blocked: it must never be asked for.
    const resolve: Resolve = async () => [
      { address: asked++ === 0 ? '127.0.0.1' : '169.254.169.254', family: 4 },
    ];
    const agent = agentOf(guardAllowing('127.0.0.0/8'), resolve);
    const response = await fetchFrom(agent, `http://rebinding.test:${port}/`);
    expect(response.body.toString()).toBe('hello');
    expect(asked).toBe(1);
    expect(hosts).toEqual([`rebinding.test:${port}`]);
  });

  test('a name that turned to a blocked address is refused at the next connection', async () => {
    const { hosts, port } = await listen();
    const guard = guardAllowing('127.0.0.1/32');
    const agent = agentOf(guard, answering(['127.0.0.1'], ['127.0.0.2']));
    await boundedRequest(agent, {
      url: new URL(`http://turning.test:${port}/`),
      method: 'GET',
      headers: {},
      timeoutMs: 5_000,
      maxResponseBytes: 1, // shorter than the answer: the socket is not kept
    });
    expect(await failureOf(fetchFrom(agent, `http://turning.test:${port}/`))).toBe('blocked_address');
    expect(hosts).toHaveLength(1);
  });

  test('one blocked record among good ones condemns the name', async () => {
    const { hosts, port } = await listen();
    const agent = agentOf(guardAllowing('127.0.0.0/8'), answering(['127.0.0.1', '10.0.0.1']));
    expect(await failureOf(fetchFrom(agent, `http://mixed.test:${port}/`))).toBe('blocked_address');
    expect(hosts).toHaveLength(0);
  });

  test('literals are checked at the connection too, where no look-up happens', async () => {
    const { hosts, port } = await listen();
    const agent = agentOf(closed, answering(['8.8.8.8']));
    expect(await failureOf(fetchFrom(agent, `http://127.0.0.1:${port}/`))).toBe('blocked_address');
    expect(await failureOf(fetchFrom(agent, `http://[::1]:${port}/`))).toBe('blocked_address');
    expect(hosts).toHaveLength(0);
  });

  test('a denied port is refused behind a name as well', async () => {
    const { hosts, port } = await listen();
    const guard = new AddressGuard({
      allow: parseCidrs('127.0.0.0/8'),
      deny: [{ address: '127.0.0.1', port }],
    });
    const agent = agentOf(guard, answering(['127.0.0.1']));
    expect(await failureOf(fetchFrom(agent, `http://own.test:${port}/`))).toBe('blocked_address');
    expect(hosts).toHaveLength(0);
  });

  test('of several good addresses one that answers is found', async () => {
    const { port } = await listen();
    const agent = agentOf(guardAllowing('127.0.0.0/8'), answering(['127.0.0.9', '127.0.0.1']));
    expect((await fetchFrom(agent, `http://several.test:${port}/`)).status).toBe(200);
  });

  test('a name without an address, and one whose look-up fails, are failures of DNS', async () => {
    expect(await failureOf(fetchFrom(agentOf(closed, answering([])), 'http://empty.test/'))).toBe('dns');
    const failing: Resolve = async () => {
      throw Object.assign(new Error('queryA ENOTFOUND'), { code: 'ENOTFOUND' });
    };
    expect(await failureOf(fetchFrom(agentOf(closed, failing), 'http://none.test/'))).toBe('dns');
  });

  test('a request that waits for a socket keeps its deadline', async () => {
    const never: Resolve = () => new Promise(() => {});
    const agent = new GuardedAgent(closed, { resolve: never, maxSocketsPerOrigin: 1 });
    close.push(() => agent.close());
    const url = new URL('http://hanging.test/');
    const request = { url, method: 'GET' as const, headers: {}, timeoutMs: 200, maxResponseBytes: 1 };
    const started = performance.now();
    const failures = await Promise.all([1, 2, 3].map(() => failureOf(boundedRequest(agent, request))));
    expect(failures).toEqual(['timeout', 'timeout', 'timeout']);
    expect(performance.now() - started).toBeLessThan(600);
  });

  test("Node's own http client is guarded by the same look-up", async () => {
    const { hosts, port } = await listen();
    const ask = (guard: AddressGuard) =>
      new Promise<string>((resolve) => {
        const lookup = guardedLookup(guard, answering(['127.0.0.1']), port);
        get({ host: 'plain.test', port, lookup, agent: false }, (response) => {
          response.resume().on('end', () => resolve('answered'));
        }).on('error', (error) => resolve(networkFailureOf(error)));
      });
    expect(await ask(closed)).toBe('blocked_address');
    expect(await ask(guardAllowing('127.0.0.0/8'))).toBe('answered');
    expect(hosts).toEqual([`plain.test:${port}`]);
  });
});
