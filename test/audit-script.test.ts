import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createGunzip } from 'node:zlib';

const SCRIPT = join(__dirname, '../scripts/audit.mjs');
const WITHIN_MS = 120_000;
const ADVISORIES = '/-/npm/v1/security/advisories/bulk';
const FINDING = {
  id: 1099999,
  url: 'https://github.com/advisories/GHSA-test-test-test',
  title: 'Made up for a test',
  severity: 'high',
  vulnerable_versions: '*',
  cwe: [],
  cvss: { score: 8, vectorString: null },
};

/** A registry that knows of nothing but advisories; what is told of a package is the same for all its versions. */
class Registry {
  readonly asked: string[] = [];
  private constructor(readonly server: Server) {}

  static async start(advisories: object | null): Promise<Registry> {
    const registry: Registry = new Registry(
      createServer(async (request, response) => {
        const body = await bodyOf(request);
        if (request.url !== ADVISORIES || advisories === null) return void response.writeHead(405).end();
        registry.asked.push(...Object.keys(JSON.parse(body) as object));
        response.setHeader('content-type', 'application/json').end(JSON.stringify(advisories));
      }).listen(0, '127.0.0.1'),
    );
    await once(registry.server, 'listening');
    return registry;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const zipped = request.headers['content-encoding'] === 'gzip';
  return text(zipped ? request.pipe(createGunzip()) : request);
}

async function audit(advisories: object | null): Promise<{ code: number; said: string; asked: string[] }> {
  const registry = await Registry.start(advisories);
  const child = spawn(process.execPath, [SCRIPT], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, npm_config_registry: registry.url },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: WITHIN_MS,
  });
  const said = Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = (await once(child, 'close')) as [number];
  registry.server.close();
  return { code, said: (await said).join(''), asked: registry.asked };
}

describe('the look for known vulnerabilities', () => {
  test('says plainly that nothing was checked where the registry does not answer it', async () => {
    const { code, said } = await audit(null);
    expect(said).toContain('KNOWN VULNERABILITIES WERE NOT CHECKED');
    expect(said).toContain('405');
    expect(code).toBe(0);
  });

  test('passes where nothing is known, having asked for what the product rests on', async () => {
    const { code, said, asked } = await audit({});
    expect(said).toContain('Known vulnerabilities were checked: none');
    expect(asked).toEqual(expect.arrayContaining(['fastify', 'mongodb', 'ws']));
    expect(code).toBe(0);
  });

  test('fails on what is known of a package, and names it', async () => {
    const { code, said } = await audit({ undici: [FINDING] });
    expect(said).toContain('GHSA-test-test-test');
    expect(said).not.toContain('NOT CHECKED');
    expect(code).toBe(1);
  });
});
