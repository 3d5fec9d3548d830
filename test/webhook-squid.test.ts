import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Delivery } from '../src/domain/webhook';
import { findFreePort } from '../src/embedded/free-port';
import { probePort } from '../src/embedded/mongod';
import { DnsServer } from './support/dns-server';
import { eventually } from './support/eventually';
import { demoRecords } from './support/ledger';
import { Receiver } from './support/receiver';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const PASSWORD = 'h@sh-hush';

/** Squid, as an operator has it for webhooks: tunnels for who knows the password, and nothing else. */
class Squid {
  private readonly folder = mkdtempSync(join(tmpdir(), 'squid-'));
  private child: ChildProcess | null = null;

  async start(): Promise<number> {
    // Started as root it works as a user of its own, who writes its logs there.
    chmodSync(this.folder, 0o777);
    const port = await findFreePort();
    const at = (name: string): string => join(this.folder, name);
    const hash = execFileSync('openssl', ['passwd', '-apr1', PASSWORD]).toString().trim();
    writeFileSync(at('users'), `trail:${hash}\n`);
    const lines = [
      `http_port 127.0.0.1:${port}`,
      `auth_param basic program /usr/lib/squid/basic_ncsa_auth ${at('users')}`,
      'acl known proxy_auth REQUIRED',
      'acl tunnels method CONNECT',
      'http_access allow tunnels known',
      'http_access deny all',
      `access_log stdio:${at('access.log')}`,
      `cache_log ${at('cache.log')}`,
      'cache deny all',
      'pid_filename none',
      'shutdown_lifetime 0 seconds',
    ];
    writeFileSync(at('squid.conf'), `${lines.join('\n')}\n`);
    this.child = spawn('squid', ['-N', '-n', `trail${port}`, '-f', at('squid.conf')], { stdio: 'ignore' });
    await eventually(() => probePort(port).then(() => true), 'squid listens');
    return port;
  }

  /** Method, authority and status of each request that has come to its end. */
  asked(): string[] {
    const log = readFileSync(join(this.folder, 'access.log'), 'utf8').trim().split('\n');
    return log.map((line) => {
      const [, , , result = '', , method, authority] = line.split(/\s+/);
      return `${method} ${authority} ${result.split('/')[1]}`;
    });
  }

  async stop(): Promise<void> {
    if (this.child && this.child.exitCode === null) {
      const ended = once(this.child, 'exit');
      this.child.kill('SIGTERM'); // Killed, it would leave its shared memory behind.
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

describe('Squid as the proxy for webhooks', () => {
  const squid = new Squid();
  const dns = new DnsServer();
  const receiver = new Receiver();
  let port: number;
  let url: URL;
  let dnsServer: string;

  beforeAll(async () => {
    port = await squid.start();
    dnsServer = await dns.start();
    dns.records('receiver.test', { A: ['127.0.0.1'] });
    url = new URL(await receiver.start());
  });
  afterAll(async () => {
    await receiver.stop();
    await dns.stop();
    await squid.stop();
  });

  /** Has a record sent to a receiver, and gives its delivery once it is as wanted. */
  async function deliver(
    password: string,
    host: string,
    wanted: (delivery: Delivery) => boolean,
  ): Promise<Delivery> {
    const app: TestTrailGraph = await startTrailGraph({
      settings: {
        WEBHOOK_DNS_SERVERS: dnsServer,
        WEBHOOK_PROXY: `http://trail:${encodeURIComponent(password)}@127.0.0.1:${port}`,
      },
    });
    try {
      const admin = await app.admin();
      await admin.run(
        'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } } }',
        {
          input: { name: 'by squid', url: `http://${host}/hook` },
        },
      );
      await admin.run('mutation ($records: [JSON!]!) { ingestEvents(records: $records) { stored } }', {
        records: demoRecords(41, 0, 1),
      });
      const deliveries = app.core.store.db.collection<Delivery>('deliveries');
      let found: Delivery | null = null;
      await eventually(async () => {
        found = await deliveries.findOne();
        return found !== null && wanted(found);
      }, 'the delivery is as wanted');
      return found!;
    } finally {
      await app.stop();
    }
  }

  test('gives tunnels to the checked addresses to who knows the password; the name stays in the request', async () => {
    const { attempts } = await deliver(
      PASSWORD,
      `receiver.test:${url.port}`,
      ({ state }) => state === 'DELIVERED',
    );
    expect(attempts).toMatchObject([{ failure: null, responseStatus: 204, address: '127.0.0.1' }]);
    expect(receiver.received).toHaveLength(1);
    expect(receiver.received[0]!.headers.host).toBe(`receiver.test:${url.port}`);
    expect(JSON.stringify(receiver.received[0]!.headers)).not.toMatch(/proxy|via|forwarded/i);
    const tunnels = (): string[] => squid.asked().filter((line) => line.startsWith('CONNECT'));
    await eventually(() => tunnels().length > 0, 'squid has noted the tunnel');
    expect(tunnels()).toEqual([`CONNECT 127.0.0.1:${url.port} 200`]);
  });

  test.each([
    ['refuses the password', 'another one', () => `receiver.test:${url.port}`],
    ['reaches nobody there', PASSWORD, () => 'receiver.test:1'],
  ])('that %s costs the webhook nothing', async (_, password, host) => {
    const delivery = await deliver(password, host(), ({ attempts }) => attempts.length > 0);
    expect(delivery).toMatchObject({
      state: 'PENDING',
      attempts: [{ failure: 'proxy', responseStatus: null }],
    });
    expect(receiver.received).toHaveLength(1);
  });
});
