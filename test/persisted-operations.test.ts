import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getIntrospectionQuery } from 'graphql';
import { emitOperations } from '../src/cli/emit-operations';
import * as generated from '../src/generated/graphql';
import { atBothDoors, byHttp } from './support/both-doors';
import { startTrailGraph } from './support/trailgraph';

describe('persisted operations', () => {
  let folder: string;
  let manifest: string;
  let ids: Map<string, string>;
  const HEALTH = String(generated.HealthDocument);
  const settings = (mode: string): Record<string, string> => ({
    PERSISTED_OPERATIONS: mode,
    PERSISTED_OPERATIONS_FILE: manifest,
    WS_OPERATIONS: 'all',
  });
  const idOf = (text: string): string => [...ids].find(([, known]) => known === text)![0];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'trailgraph-manifest-'));
    manifest = join(folder, 'operations.json');
    await emitOperations([], manifest, () => undefined);
    ids = new Map(Object.entries(JSON.parse(readFileSync(manifest, 'utf8')) as Record<string, string>));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('are named by their SHA-256 where they are allowed; others run as well', async () => {
    const app = await startTrailGraph({ settings: settings('allow') });
    const sha256Hash = idOf(HEALTH);
    const healthy = { errors: [], data: { health: { status: 'HEALTHY' } } };
    for (const body of [
      { extensions: { persistedQuery: { version: 1, sha256Hash } } },
      { documentId: sha256Hash },
      { documentId: `sha256:${sha256Hash}` },
      { id: sha256Hash },
      { query: HEALTH, extensions: { persistedQuery: { version: 1, sha256Hash } } },
      { query: '{ health { status } }' },
    ])
      expect(await atBothDoors(app.anonymous, body)).toMatchObject({ status: 200, ...healthy });
    const unknown = { extensions: { persistedQuery: { version: 1, sha256Hash: '0'.repeat(64) } } };
    expect((await atBothDoors(app.anonymous, unknown)).errors[0]!.extensions.code).toBe(
      'PERSISTED_QUERY_NOT_FOUND',
    );
    expect(
      (await atBothDoors(app.anonymous, { query: '{ viewer { role } }', id: sha256Hash })).errors[0],
    ).toMatchObject({
      message: expect.stringContaining('not the SHA-256'),
      extensions: { code: 'BAD_USER_INPUT' },
    });
    const search = new URLSearchParams({
      extensions: JSON.stringify({ persistedQuery: { version: 1, sha256Hash } }),
    });
    const got = await fetch(`${app.url}/graphql?${search}`, {
      headers: { 'apollo-require-preflight': 'yes' },
    });
    expect(await got.json()).toMatchObject({ data: healthy.data });
    await app.stop();
  });

  test('are the only ones that run where the settings say so', async () => {
    const app = await startTrailGraph({ settings: settings('only') });
    const documentId = idOf(HEALTH);
    for (const body of [{ documentId }, { query: HEALTH }])
      expect(await atBothDoors(app.anonymous, body)).toMatchObject({
        status: 200,
        errors: [],
        data: { health: { status: 'HEALTHY' } },
      });
    for (const query of [
      '{ health { status } }',
      `${HEALTH} `,
      getIntrospectionQuery(),
      '{',
      'mutation { logout }',
    ]) {
      const answer = await atBothDoors(app.anonymous, { query });
      expect(answer).toMatchObject({ status: 403, errors: [{ extensions: { code: 'FORBIDDEN' } }] });
      expect(answer.errors[0]!.message).toContain('PERSISTED_OPERATIONS=only');
    }
    // Not by parameters either, beside a body that is fine.
    const smuggled = await fetch(`${app.url}/graphql?query=${encodeURIComponent('{ viewer { role } }')}`, {
      headers: { 'apollo-require-preflight': 'yes' },
    });
    expect(smuggled.status).toBe(403);
    const login = idOf(String(generated.LoginDocument));
    const input = { email: 'nobody@example.com', password: 'not a password' };
    expect(
      (await byHttp(app.anonymous, { documentId: login, variables: { input } })).errors[0]!.extensions.code,
    ).toBe('UNAUTHENTICATED');
    await app.stop();
  });

  test('are written for files of your own: each operation with its fragments', async () => {
    const [one, two] = [join(folder, 'one.graphql'), join(folder, 'two.graphql')];
    writeFileSync(one, 'query A { health { ...Parts } } query B { viewer { role } }');
    writeFileSync(two, 'fragment Parts on Health { status }');
    let told = '';
    await emitOperations([one, two], null, (text) => {
      told += text;
    });
    expect(Object.values(JSON.parse(told) as Record<string, string>)).toEqual([
      'query A {\n  health {\n    ...Parts\n  }\n}\n\nfragment Parts on Health {\n  status\n}',
      'query B {\n  viewer {\n    role\n  }\n}',
    ]);
  });

  test.each([
    ['{"0": "{ health { status } }"}', 'SHA-256'],
    [JSON.stringify({ ['0'.repeat(64)]: '{ health { status } }' }), 'has another SHA-256'],
    ['[]', 'is not a manifest'],
    ['{', 'is not a manifest'],
  ])('of a manifest such as %s stop the start, with the reason', async (text, why) => {
    const file = join(folder, 'wrong.json');
    writeFileSync(file, text);
    await expect(
      startTrailGraph({ settings: { ...settings('only'), PERSISTED_OPERATIONS_FILE: file } }),
    ).rejects.toThrow(why);
  });

  test('need a manifest', async () => {
    await expect(startTrailGraph({ settings: { PERSISTED_OPERATIONS: 'only' } })).rejects.toThrow(
      'PERSISTED_OPERATIONS_FILE must name the manifest',
    );
  });
});
