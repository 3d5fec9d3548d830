import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SETTINGS } from '../src/config/settings';
import { eventually } from './support/eventually';
import { startTrailGraph } from './support/trailgraph';

const ROOT = join(__dirname, '..');
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');

/** The shell line between two markers of README. */
function shellLine(name: string): string {
  const block = new RegExp(
    `<!-- ${name}:start -->\\n\`\`\`sh\\n([\\s\\S]*?)\`\`\`\\n<!-- ${name}:end -->`,
  ).exec(readme);
  if (!block) throw new Error(`README has no block ${name}`);
  return block[1]!;
}

describe('README', () => {
  test('has a subscription line that prints events as they are stored', async () => {
    const app = await startTrailGraph();
    const admin = await app.admin();
    const shell = spawn(
      'sh',
      ['-c', shellLine('subscription').replace('localhost:4000', new URL(app.url).host)],
      {
        cwd: ROOT,
        env: { ...process.env, TOKEN: admin.token! },
        detached: true,
      },
    );
    let printed = '';
    let complaints = '';
    shell.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
    });
    shell.stderr.on('data', (chunk: Buffer) => {
      complaints += chunk.toString();
    });
    try {
      await eventually(
        async () => (await app.core.metrics.text()).includes('trailgraph_subscriptions 1'),
        'the line has subscribed',
      );
      await admin.ingest([
        { eventTime: '2026-01-01T00:00:00Z', eventName: 'FromTheReadme', sourceIPAddress: '130.225.0.1' },
      ]);
      await eventually(() => printed.includes('\n'), 'an event is printed');
      expect(JSON.parse(printed)).toMatchObject({
        eventName: 'FromTheReadme',
        enrichment: { geo: { country: 'Denmark' } },
      });
      expect(complaints).toBe('');
    } finally {
      process.kill(-shell.pid!, 'SIGKILL');
      await app.stop();
    }
  });

  test('names every setting that a user may set', () => {
    const internal = ['TRAILGRAPH_CRASH_AT', 'TRAILGRAPH_OWN_PORTS'];
    const missing = Object.keys(SETTINGS.shape).filter(
      (name) => !internal.includes(name) && !readme.includes(`\`${name}\``),
    );
    expect(missing).toEqual([]);
  });

  test('links only to files that are there', () => {
    const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, path]) => path!);
    const missing = links.filter((path) => {
      try {
        readFileSync(join(ROOT, path));
        return false;
      } catch (error) {
        return (error as { code?: string }).code !== 'EISDIR';
      }
    });
    expect(missing).toEqual([]);
  });
});
