import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DnsServer } from './support/dns-server';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { HostileReceiver } from './support/hostile-receiver';
import { demoRecords } from './support/ledger';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';
import { WorkerCrew } from './support/worker-process';

const TLS = join(__dirname, 'support', 'tls');
const read = (file: string): Buffer => readFileSync(join(TLS, file));
const folder = mkdtempSync(join(tmpdir(), 'webhook-tls-'));

interface Case {
  what: string;
  host: string;
  make: () => HostileReceiver;
  failure: string | null;
  reason: string | null;
}

const answer = (socket: { end(text: string): unknown }): void =>
  void socket.end('HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n');
const secure = (key: Buffer, cert: Buffer) => (): HostileReceiver =>
  new HostileReceiver(answer, { tls: { key, cert } });
const ofOurs = (cert: string) => secure(read('receiver.key.pem'), read(cert));

/** Signed by nobody that anybody knows. */
function selfSigned(): () => HostileReceiver {
  const [key, cert] = ['own.key.pem', 'own.crt.pem'].map((name) => join(folder, name)) as [string, string];
  const subject = ['-subj', '/CN=receiver.test', '-addext', 'subjectAltName=DNS:receiver.test'];
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...made, '-keyout', key, '-out', cert, ...subject], {
    stdio: 'pipe',
  });
  return secure(readFileSync(key), readFileSync(cert));
}

const inHandshake = (behave: (socket: { destroy(): void; resetAndDestroy(): void }) => void) => () =>
  new HostileReceiver(() => undefined, {
    onConnection: (socket) => socket.once('data', () => behave(socket)),
  });

const CASES: Case[] = [
  {
    what: 'of an authority that is trusted',
    host: 'receiver.test',
    make: ofOurs('receiver.crt.pem'),
    failure: null,
    reason: null,
  },
  {
    what: 'that has expired',
    host: 'receiver.test',
    make: ofOurs('expired.crt.pem'),
    failure: 'tls',
    reason: 'its certificate has expired (CERT_HAS_EXPIRED)',
  },
  {
    what: 'of a foreign host name',
    host: 'other.test',
    make: ofOurs('receiver.crt.pem'),
    failure: 'tls',
    reason: 'its certificate is for another host name (ERR_TLS_CERT_ALTNAME_INVALID)',
  },
  {
    what: 'of an authority that is not trusted',
    host: 'receiver.test',
    make: selfSigned(),
    failure: 'tls',
    reason: expect.stringMatching(
      /^its certificate is of nobody that is trusted .*\(DEPTH_ZERO_SELF_SIGNED_CERT\)$/,
    ) as never,
  },
  {
    what: 'that never comes, as the connection is closed in the handshake',
    host: 'receiver.test',
    make: inHandshake((socket) => socket.destroy()),
    failure: 'tls',
    reason: 'it closed the connection in the TLS handshake (ECONNRESET)',
  },
  {
    what: 'that never comes, as the connection is reset in the handshake',
    host: 'receiver.test',
    make: inHandshake((socket) => socket.resetAndDestroy()),
    failure: 'tls',
    reason: 'it closed the connection in the TLS handshake (ECONNRESET)',
  },
];

describe('a receiver with a certificate', () => {
  const dns = new DnsServer();
  const receivers: HostileReceiver[] = [];
  const ids: string[] = [];
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let crew: WorkerCrew;

  beforeAll(async () => {
    app = await startTrailGraph({
      settings: { ROLE: 'api', WEBHOOK_DNS_SERVERS: await dns.start(), WEBHOOK_ALLOW_CIDRS: '127.0.0.2/32' },
    });
    crew = new WorkerCrew(app.environment);
    admin = await app.admin();
    for (const host of ['receiver.test', 'other.test']) dns.records(host, { A: ['127.0.0.2'] });
    for (const { what, host, make } of CASES) {
      const receiver = make();
      receivers.push(receiver);
      const url = `https://${host}:${await receiver.start('127.0.0.2')}/hook`;
      const { createWebhook } = await admin.run<{ createWebhook: { webhook: { id: string } } }>(
        'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } } }',
        { input: { name: what.slice(0, 90), url } },
      );
      ids.push(createWebhook.webhook.id);
    }
    // As an operator has Node trust an authority of one's own.
    crew.start(undefined, { NODE_EXTRA_CA_CERTS: join(TLS, 'ca.crt.pem') });
    // Where the worker takes its time to start the answer is that the record is kept.
    await admin.raw('mutation ($records: [JSON!]!) { ingestEvents(records: $records) { stored } }', {
      records: demoRecords(33, 0, 1),
    });
  });
  afterAll(async () => {
    await crew?.killAll();
    await app?.stop();
    await Promise.all(receivers.map((receiver) => receiver.stop()));
    await dns.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  interface Attempt {
    responseStatus: number | null;
    failure: string | null;
    failureReason: string | null;
    address: string;
  }
  const attemptsOf = async (id: string): Promise<Attempt[]> => {
    const { deliveries } = await admin.run<{ deliveries: { nodes: { attempts: Attempt[] }[] } }>(
      `query ($id: ID!) {
        deliveries(filter: { webhookIds: [$id] }) { nodes { attempts { responseStatus failure failureReason address } } }
      }`,
      { id },
    );
    return deliveries.nodes.flatMap(({ attempts }) => attempts);
  };

  test.each(CASES.map((each, at) => [each.what, at] as const))('%s', async (_, at) => {
    const { failure, reason } = CASES[at]!;
    await eventually(async () => (await attemptsOf(ids[at]!)).length > 0, 'it was tried', 120_000);
    expect((await attemptsOf(ids[at]!))[0]).toEqual({
      responseStatus: failure === null ? 204 : null,
      failure,
      failureReason: reason,
      address: '127.0.0.2',
    });
  });
});
