import { Webhook as Signer } from 'standardwebhooks';
import { type RunningCommand, startProgram, trailgraph } from './support/command';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { demoRecords } from './support/ledger';
import { Receiver } from './support/receiver';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const SECRET = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;

describe('trailgraph listen', () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let next = 0;
  const running: RunningCommand[] = [];

  beforeAll(async () => {
    app = await startTrailGraph();
    admin = await app.admin();
  });
  afterEach(async () => {
    for (const { child, ended } of running.splice(0)) {
      child.kill('SIGKILL');
      await ended;
    }
  });
  afterAll(() => app?.stop());

  function start(...args: string[]): RunningCommand {
    const command = startProgram('cli/main.js', ['listen', ...args], {
      environment: { TRAILGRAPH_TOKEN: admin.token! },
    });
    running.push(command);
    return command;
  }

  async function store(count: number): Promise<{ eventID: string; eventName: string }[]> {
    const records = demoRecords(71, next, count) as { eventID: string; eventName: string }[];
    next += count;
    await admin.ingest(records);
    return records;
  }

  const webhooks = async (): Promise<{ id: string; name: string }[]> =>
    (
      await admin.run<{ webhooks: { nodes: { id: string; name: string }[] } }>(
        '{ webhooks { nodes { id name } } }',
      )
    ).webhooks.nodes;

  /** Where it listens, as it says. */
  async function addressOf(command: RunningCommand): Promise<string> {
    await command.says(/http:\/\/127\.0\.0\.1:\d+\/; Ctrl-C/);
    return /(http:\/\/127\.0\.0\.1:\d+\/); Ctrl-C/.exec(command.said.stderr)![1]!;
  }

  it('opens a webhook, shows a line for each event, and deletes the webhook at the end', async () => {
    const command = start('--url', app.url);
    await addressOf(command);
    expect(await webhooks()).toMatchObject([{ name: 'trailgraph listen' }]);
    const records = await store(3);
    for (const { eventName } of records) await command.says(eventName);
    expect(command.said.stdout.trim().split('\n')).toHaveLength(3);
    expect(command.said.stdout).toMatch(/^dlv_\w{8} {2}\d{4}-\d{2}-\d{2}T/);
    command.child.kill('SIGINT');
    expect((await command.ended).code).toBe(0);
    expect(await webhooks()).toEqual([]);
  });

  it('deletes the webhook also where nobody reads on, as after `| head`', async () => {
    const command = start('--url', app.url);
    await addressOf(command);
    command.child.stdout!.destroy();
    await store(1);
    expect((await command.ended).code).toBe(0);
    expect(await webhooks()).toEqual([]);
  });

  it('takes only what its filter matches, shows bodies as they come, and answers as it is told', async () => {
    const [wanted] = demoRecords(71, next + 1, 1) as { eventID: string }[];
    const filter = JSON.stringify({ ids: [wanted!.eventID] });
    const command = start(
      '--url',
      app.url,
      '--json',
      '--filter',
      filter,
      '--status',
      '503',
      '--delay',
      '200ms',
    );
    await addressOf(command);
    await store(3);
    await command.says(wanted!.eventID);
    const [line, ...others] = command.said.stdout.trim().split('\n');
    expect(JSON.parse(line!)).toMatchObject({
      type: 'cloudtrail.event.enriched',
      data: { eventID: wanted!.eventID },
    });
    expect(others).toEqual([]);
    const attempts = async () =>
      (
        await admin.run<{
          deliveries: { nodes: { attempts: { responseStatus: number; durationMs: number }[] }[] };
        }>('{ deliveries(first: 1) { nodes { attempts { responseStatus durationMs } } } }')
      ).deliveries.nodes[0]!.attempts;
    await eventually(async () => (await attempts()).length === 1, 'the attempt is noted');
    const [attempt] = await attempts();
    expect(attempt!.responseStatus).toBe(503);
    expect(attempt!.durationMs).toBeGreaterThanOrEqual(200);
    command.child.kill('SIGINT');
    expect((await command.ended).code).toBe(0);
  });

  it('passes on what it got, still signed, and answers as the other one does', async () => {
    const receiver = new Receiver();
    const to = await receiver.start();
    receiver.answer = () => ({ status: 202 });
    const command = start('--secret', SECRET, '--forward', to);
    const url = await addressOf(command);
    expect(await post(url, SECRET, '{"eventName":"RunInstances","eventTime":"2026-01-02T03:04:05Z"}')).toBe(
      202,
    );
    await command.says('2026-01-02T03:04:05Z  RunInstances');
    const [{ headers, body }] = receiver.received as [Receiver['received'][0]];
    expect(new Signer(SECRET).verify(body, headers as Record<string, string>)).toEqual({
      eventName: 'RunInstances',
      eventTime: '2026-01-02T03:04:05Z',
    });
    await receiver.stop();
    expect(await post(url, SECRET, '{}')).toBe(502);
    await command.says('does not answer');
  });

  it('refuses what is signed otherwise, is too old or too long, and shows no control characters', async () => {
    const command = start('--secret', SECRET);
    const url = await addressOf(command);
    const other = `whsec_${Buffer.alloc(32, 4).toString('base64')}`;
    expect(await post(url, other, '{}')).toBe(401);
    await command.says('its signature is not that of the secret');
    expect(await post(url, SECRET, '{}', new Date(Date.now() - 6 * 60_000))).toBe(401);
    await command.says('its timestamp is more than 5 minutes off');
    expect((await fetch(url, { method: 'POST', body: '{}' })).status).toBe(401);
    expect((await fetch(url)).status).toBe(405);
    expect(await post(url, SECRET, JSON.stringify('x'.repeat(3 * 1024 * 1024)))).toBe(413);
    expect(command.said.stdout).toBe('');
    const hostile = { eventName: '\u001b[2Jgone', eventTime: '2026-01-02T03:04:05Z' };
    expect(await post(url, SECRET, JSON.stringify(hostile))).toBe(204);
    await command.says('?[2Jgone');
    const insight = { insightDetails: { insightType: 'ApiCallRateInsight', eventName: 'RunInstances' } };
    expect(await post(url, SECRET, JSON.stringify({ ...insight, eventTime: hostile.eventTime }))).toBe(204);
    await command.says('2026-01-02T03:04:05Z  ApiCallRateInsight  RunInstances');
    expect(command.said.stdout).not.toContain('\u001b');
  });

  it.each<[string, string[], RegExp]>([
    ['a status that is none', ['--status', '99'], /--status 99 is not a whole number from 200 to 599/],
    ['a delay without a unit', ['--delay', '5'], /--delay 5 is not a time, such as 500ms, 20s or 2m/],
    ['a filter that is no JSON', ['--filter', '{'], /--filter is not JSON/],
    ['a secret that is none', ['--secret', 'hush'], /--secret: a webhook secret is whsec_/],
    [
      'a place to pass on to that is none',
      ['--forward', 'there'],
      /--forward there is not an http or https URL/,
    ],
  ])('refuses %s in one line, without the secret', async (_, args, message) => {
    const { code, stdout, stderr } = await trailgraph(['listen', '--url', app.url, ...args], {
      environment: { TRAILGRAPH_TOKEN: admin.token! },
    });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^trailgraph: [^\n]*\n$/);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('hush');
    expect(await webhooks()).toEqual([]);
  });
});

async function post(url: string, secret: string, body: string, at = new Date()): Promise<number> {
  const id = 'msg_test';
  const { status } = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
      'webhook-signature': new Signer(secret).sign(id, at, body),
    },
    body,
  });
  return status;
}
