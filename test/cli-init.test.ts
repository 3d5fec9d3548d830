import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { envFile } from '../src/cli/init/env-file';
import { trailgraph } from './support/command';

describe('trailgraph init', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trailgraph-init-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const entry = (text: string, name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(text)![1]!;

  test('writes an .env for its owner alone, with secrets that are new each time and that it does not show', async () => {
    const paths = ['one', 'two'].map((name) => join(folder, name));
    const texts: string[] = [];
    for (const path of paths) {
      const { code, stdout, stderr } = await trailgraph(['init', path]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const text = await readFile(path, 'utf8');
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      expect(Buffer.from(entry(text, 'TRAILGRAPH_MASTER_KEY'), 'base64')).toHaveLength(32);
      for (const name of ['MONGO_PASSWORD', 'VALKEY_PASSWORD'])
        expect(entry(text, name)).toMatch(/^[0-9a-f]{48}$/);
      for (const name of ['TRAILGRAPH_MASTER_KEY', 'MONGO_PASSWORD', 'VALKEY_PASSWORD'])
        expect(stdout).not.toContain(entry(text, name));
      texts.push(text);
    }
    const secrets = texts.flatMap((text) =>
      ['TRAILGRAPH_MASTER_KEY', 'MONGO_PASSWORD', 'VALKEY_PASSWORD'].map((name) => entry(text, name)),
    );
    expect(new Set(secrets).size).toBe(6);
  });

  test('never writes over a file, and says why', async () => {
    const path = join(folder, 'there');
    await trailgraph(['init', path]);
    const before = await readFile(path, 'utf8');
    const { code, stderr } = await trailgraph(['init', path]);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/is there already.*only copy of a master key.*name another file/);
    expect(await readFile(path, 'utf8')).toBe(before);
  });

  test('says what it can not write, and prints where it is asked to', async () => {
    const nowhere = await trailgraph(['init', join(folder, 'no/such/folder')]);
    expect(nowhere.code).not.toBe(0);
    expect(nowhere.stderr).toMatch(/^trailgraph: .*can't be written: .*ENOENT.*\n$/);
    const printed = await trailgraph(['init', '-']);
    expect(printed).toMatchObject({ code: 0, stderr: '' });
    expect(printed.stdout).toMatch(/^TRAILGRAPH_MASTER_KEY=\S{44}$/m);
  });

  test('fills in what .env.example leaves out', async () => {
    const example = await readFile(join(__dirname, '../.env.example'), 'utf8');
    expect(envFile({ masterKey: '', mongoPassword: '', valkeyPassword: '' })).toBe(example);
  });
});
