import { once } from 'node:events';
import { copyFile, rename, writeFile } from 'node:fs/promises';
import { createServer, get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import { startBanner } from '../src/banner';
import { readSettings } from '../src/config/environment';
import { createLogger } from '../src/observe/logger';
import { followTlsFiles, openTls, readTlsPair, tlsOptions } from '../src/server/tls';
import { type CertificateFiles, TestAuthority } from './support/certificates';
import { trailgraph } from './support/command';
import { eventually } from './support/eventually';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const authority = new TestAuthority();
const at = (name: string): string => join(authority.folder, name);
const logLines: string[] = [];
const log = createLogger({
  level: 'info',
  pretty: false,
  destination: { write: (line) => void logLines.push(line) },
});

/** Opens a connection by TLS, and closes it. @returns what was agreed on, @throws what TLS says */
async function handshake(port: number, options: ConnectionOptions = {}) {
  const socket: TLSSocket = connect({ port, host: '127.0.0.1', ca: authority.ca, ...options });
  await once(socket, 'secureConnect');
  const agreed = { protocol: socket.getProtocol(), name: socket.getPeerCertificate().subject.CN };
  socket.destroy();
  return agreed;
}

/** Puts a pair where another one is, as tools for certificates do: each file by renaming. */
async function replace(
  { certFile, keyFile }: CertificateFiles,
  by: Partial<CertificateFiles>,
): Promise<void> {
  for (const [target, source] of [
    [certFile, by.certFile],
    [keyFile, by.keyFile],
  ] as const) {
    if (source === undefined) continue;
    await copyFile(source, at('next'));
    await rename(at('next'), target);
  }
}

afterAll(() => authority.remove());

describe('TrailGraph with TLS_CERT_FILE and TLS_KEY_FILE', () => {
  const files = authority.issue('first');
  let app: TestTrailGraph;
  let port: number;
  beforeAll(async () => {
    const settings = { TLS_CERT_FILE: files.certFile, TLS_KEY_FILE: files.keyFile };
    app = await startTrailGraph({ settings });
    port = Number(new URL(app.url).port);
  });
  afterAll(() => app.stop());

  test('serves HTTPS, says so, and asks for it henceforth', async () => {
    expect(app.url).toBe(`https://127.0.0.1:${port}`);
    const banner = startBanner(app, readSettings(app.environment));
    expect(banner).toContain(`${app.url}/graphql`);
    expect(banner).toContain(`wss://127.0.0.1:${port}/graphql`);
    expect(banner).not.toContain('http://');
    const [answer] = await once(get(`${app.url}/readyz`, { ca: authority.ca, agent: false }), 'response');
    answer.resume();
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['strict-transport-security']).toBe('max-age=31536000');
  });

  test('serves WebSockets by it', async () => {
    const credentials = { email: 'tls@example.com', password: 'correct horse battery' };
    await app.api.accounts.signUp(credentials, null);
    const { accessToken } = await app.api.accounts.login(credentials);
    const socket = new WebSocket(`wss://127.0.0.1:${port}/graphql`, 'graphql-transport-ws', {
      ca: authority.ca,
      origin: app.url,
    });
    await once(socket, 'open');
    const answer = once(socket, 'message');
    socket.send(
      JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${accessToken}` } }),
    );
    expect(JSON.parse(String((await answer)[0]))).toEqual({ type: 'connection_ack' });
    socket.close();
    await once(socket, 'close');
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('speaks %s', async (version) => {
    const { protocol } = await handshake(port, { minVersion: version, maxVersion: version });
    expect(protocol).toBe(version);
  });

  test.each(['TLSv1', 'TLSv1.1'] as const)('refuses %s', async (version) => {
    // Without the level OpenSSL would not even offer it.
    const old = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' };
    await expect(handshake(port, old)).rejects.toThrow(/alert protocol version/);
  });

  test('takes records from the command, which tells of a certificate that it does not know', async () => {
    const file = at('trail.json');
    const record = {
      eventTime: '2026-01-02T03:04:05Z',
      eventName: 'ByTls',
      eventSource: 'ec2.amazonaws.com',
    };
    await writeFile(file, JSON.stringify({ Records: [record] }));
    const args = ['ingest', file, '--url', app.url, '--json'];
    const environment = { TRAILGRAPH_TOKEN: app.api.directToken };
    const trusting = await trailgraph(args, {
      environment: { ...environment, NODE_EXTRA_CA_CERTS: authority.caFile },
    });
    expect(trusting).toMatchObject({ code: 0 });
    expect(JSON.parse(trusting.stdout)).toMatchObject({ stored: 1 });
    const wary = await trailgraph(args, { environment });
    expect(wary.code).toBe(2);
    expect(wary.stderr).toContain(
      `The certificate of ${app.url} is not trusted (UNABLE_TO_VERIFY_LEAF_SIGNATURE)`,
    );
    expect(wary.stderr).toContain('NODE_EXTRA_CA_CERTS');
    const asked = await trailgraph(['backfill', '--cancel', 'x', '--url', app.url], { environment });
    expect(asked.stderr).toContain(`The certificate of ${app.url} is not trusted`);
  });

  test('answers `trailgraph health`, whatever names its certificate has', async () => {
    const environment = { ...app.environment, PORT: String(port) };
    const asked = await trailgraph(['health'], { environment });
    expect(asked).toEqual({ code: 0, stdout: `${app.url}/livez answers.\n`, stderr: '' });
  });

  test('takes up a renewed certificate while it runs, and keeps connections', async () => {
    const before = connect({ port, host: '127.0.0.1', ca: authority.ca });
    await once(before, 'secureConnect');
    await replace(files, authority.issue('second'));
    await eventually(async () => (await handshake(port)).name === 'second', 'the new certificate is shown');
    before.write('GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    expect(String((await once(before, 'data'))[0])).toMatch(/^HTTP\/1\.1 200 /);
    before.destroy();
  });
});

describe('a server that follows the files of its certificate', () => {
  test('keeps the one before while the new one is broken, says so once, and takes it when it is mended', async () => {
    const files = authority.issue('good');
    const next = authority.issue('next-good');
    const pair = await readTlsPair(files);
    const server = createServer(tlsOptions(pair), (_, response) => response.end()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const end = followTlsFiles(server, files, { pair, pollMs: 20, log });
    const name = async () => (await handshake((server.address() as AddressInfo).port)).name;
    const complaints = (text: string) => logLines.filter((line) => line.includes(text)).length;
    try {
      await replace(files, { certFile: next.certFile });
      await eventually(() => complaints('is not the key of') > 0, 'the half of a pair is told of');
      expect(await name()).toBe('good');
      await writeFile(files.certFile, 'no certificate');
      await eventually(() => complaints('holds no certificate') > 0, 'junk is told of');
      expect(await name()).toBe('good');
      expect(complaints('is not the key of')).toBe(1);
      await replace(files, next);
      await eventually(async () => (await name()) === 'next-good', 'the mended pair is shown');
      expect(complaints('holds no certificate')).toBe(1);
    } finally {
      end();
      server.close();
    }
  });
});

describe('TLS that can not be served', () => {
  const { certFile, keyFile } = authority.issue('own');
  const other = authority.issue('other');

  test.each<[string, () => Promise<CertificateFiles> | CertificateFiles, RegExp]>([
    [
      'a certificate that is missing',
      () => ({ certFile: '/nowhere.pem', keyFile }),
      /TLS_CERT_FILE can't be read: ENOENT.*nowhere\.pem/,
    ],
    [
      'a key that is missing',
      () => ({ certFile, keyFile: '/nowhere.key' }),
      /TLS_KEY_FILE can't be read: ENOENT/,
    ],
    ['a folder', () => ({ certFile: authority.folder, keyFile }), /TLS_CERT_FILE can't be read: EISDIR/],
    [
      'a key in the place of the certificate',
      () => ({ certFile: keyFile, keyFile }),
      /TLS_CERT_FILE \(.*own\.key\) holds no certificate/,
    ],
    [
      'a certificate in the place of the key',
      () => ({ certFile, keyFile: certFile }),
      /TLS_KEY_FILE \(.*own\.pem\) holds no private key/,
    ],
    [
      'the key of another certificate',
      () => ({ certFile, keyFile: other.keyFile }),
      /other\.key\) is not the key of the first certificate/,
    ],
  ])('is told of in words: %s', async (_, files, message) => {
    const { certFile: TLS_CERT_FILE, keyFile: TLS_KEY_FILE } = await files();
    const opened = openTls({ TLS_CERT_FILE, TLS_KEY_FILE }, log);
    await expect(opened).rejects.toMatchObject({ name: 'Invalid', message: expect.stringMatching(message) });
  });

  test('has the program end with one line', async () => {
    const settings = { TLS_CERT_FILE: '/nowhere.pem', TLS_KEY_FILE: keyFile };
    await expect(startTrailGraph({ settings })).rejects.toThrow("TLS_CERT_FILE can't be read");
    expect(() => readSettings({ TLS_CERT_FILE: certFile })).toThrow(
      'TLS_CERT_FILE and TLS_KEY_FILE belong together',
    );
  });

  test('is warned of where the certificate has ended, and served all the same', async () => {
    const { certFile: TLS_CERT_FILE, keyFile: TLS_KEY_FILE } = authority.issue('ended', -1);
    expect(await openTls({ TLS_CERT_FILE, TLS_KEY_FILE }, log)).not.toBeNull();
    expect(logLines.at(-1)).toContain('the TLS certificate has ended');
  });
});
