import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSchema, parse, validate } from 'graphql';
import { startTrailGraph as startRole } from '../src/app';
import { readSettings } from '../src/config/environment';
import { createLogger } from '../src/observe/logger';
import { WebhookWatch } from '../src/pipeline/webhook-watch';
import { DueDeliveries } from '../src/store/due-deliveries';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { LiveClient } from './support/live-client';
import { metric, metricsText, opened } from './support/live-state';
import { PACKAGE_HINT, Prometheus } from './support/prometheus';
import { makePushSource, newRecord, type PushSource } from './support/pushing';
import { Receiver } from './support/receiver';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const ROOT = join(__dirname, '..');
const FOLDER = join(ROOT, 'deploy/monitoring');
const RUNBOOKS = join(ROOT, 'docs/runbooks');
const DASHBOARDS = join(FOLDER, 'grafana/dashboards');
const HOUR_MS = 3_600_000;
const TARGET = '"trailgraph:4000"';

/** What requirements E2 name; those of the process and the event loop by one each. */
const REQUIRED = [
  ...['received', 'stored', 'duplicate', 'dropped', 'rejected'].map((what) => `events_${what}_total`),
  'source_lag_seconds',
  'batch_seconds',
  'batches_pending',
  'webhook_attempts_total',
  'webhook_delivery_seconds',
  'webhook_pending',
  'webhook_oldest_due_seconds',
  'subscriptions',
  'subscription_closed_slow_total',
  'queue_hints_lost_total',
  'geo_database_age_seconds',
  'process_resident_memory_bytes',
  'nodejs_eventloop_lag_p99_seconds',
];

interface Panel {
  title: string;
  datasource: { uid: string };
  targets: { expr: string }[];
}

interface Query {
  dashboard: string;
  panel: string;
  expr: string;
}

const dashboards = readdirSync(DASHBOARDS).map((file) => ({
  file,
  ...(JSON.parse(readFileSync(join(DASHBOARDS, file), 'utf8')) as { uid: string; panels: Panel[] }),
}));
const queries: Query[] = dashboards.flatMap(({ file, panels }) =>
  panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }) => ({ dashboard: file, panel: title, expr })),
  ),
);
const textOf = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');

/** What promtool says, with its exit code; empty and 0 where it has nothing to say. */
function promtool(args: string[], input?: string): { code: number | null; said: string } {
  const { status, stdout, stderr, error } = spawnSync('promtool', args, {
    input,
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (error) throw new Error(`promtool can't be run (${error.message}): ${PACKAGE_HINT}`);
  return { code: status, said: `${stdout}${stderr}` };
}

describe('monitoring of a running TrailGraph', () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let source: PushSource;
  let live: LiveClient;
  let prometheus: Prometheus;
  const receivers: Receiver[] = [];

  beforeAll(async () => {
    app = await startTrailGraph();
    admin = await app.admin();
    source = await makePushSource(app, 'pushed');
    await admin.run(
      'mutation ($id: ID!) { updateSource(id: $id, input: { dropFilter: { eventNames: ["Noise"] } }) { id } }',
      { id: source.id },
    );
    live = new LiveClient({ url: app.url, token: admin.token! });
    await opened(app, 1);
    prometheus = await Prometheus.start({
      'prometheus.yml': textOf('prometheus.yml')
        .replace(TARGET, `"${new URL(app.url).host}"`)
        .replaceAll(/_interval: 15s/g, '_interval: 2s'),
      'alerts.yml': textOf('alerts.yml'),
    });
  });
  afterAll(async () => {
    await prometheus?.stop();
    live?.stop();
    await app?.stop();
    await Promise.all(receivers.map((receiver) => receiver.stop()));
  });

  async function webhook(status: number): Promise<{ receiver: Receiver; id: string }> {
    const receiver = new Receiver();
    receivers.push(receiver);
    receiver.answer = () => ({ status });
    const { createWebhook } = await admin.run<{ createWebhook: { webhook: { id: string } } }>(
      'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } } }',
      { input: { name: `answers ${status}`, url: await receiver.start() } },
    );
    return { receiver, id: createWebhook.webhook.id };
  }

  /** Two records, one of which stands twice, one that is dropped and one that can't be kept. */
  async function traffic(): Promise<void> {
    const record = newRecord();
    const odd = [newRecord({ eventName: 'Noise' }), newRecord({ eventTime: 'never' })];
    await source.push(JSON.stringify({ Records: [record, record, newRecord(), ...odd] }));
  }

  test('every query of every dashboard answers with figures, of a Prometheus that scrapes it', async () => {
    const well = await webhook(204);
    const gone = await webhook(410);
    expect(queries.length).toBeGreaterThan(0);
    let unanswered = queries;
    const answered = async (expr: string): Promise<boolean> => {
      const samples = await prometheus.query(expr.replaceAll('$__rate_interval', '15s'));
      return samples.some(({ value }) => Number.isFinite(Number(value[1])));
    };
    await eventually(
      async () => {
        await traffic();
        const left: Query[] = [];
        for (const query of unanswered) if (!(await answered(query.expr))) left.push(query);
        unanswered = left;
        if (left.length > 0) throw new Error(JSON.stringify(left));
        return true;
      },
      'all of them answer',
      60_000,
    );
    expect(well.receiver.received.length).toBeGreaterThan(0);
    expect(gone.receiver.received.length).toBeGreaterThan(0);
    await admin.run('mutation ($id: ID!) { deleteWebhook(id: $id) }', { id: gone.id });
  }, 240_000);

  test('Prometheus takes every alert', async () => {
    const names = [...textOf('alerts.yml').matchAll(/- alert: (\w+)/g)].map(([, name]) => name!);
    await eventually(
      async () => (await prometheus.rules()).every(({ health }) => health !== 'unknown'),
      'all were tried',
    );
    const rules = await prometheus.rules();
    expect(rules.map(({ name }) => name)).toEqual(names);
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
  });

  test('every alert has a page that tells what to do, and a test; every page has an alert', async () => {
    const rules = await prometheus.rules();
    const tried = textOf('alerts.test.yml');
    for (const { name, annotations } of rules) {
      const page = readFileSync(join(ROOT, annotations.runbook!), 'utf8');
      for (const part of [`# ${name}`, '## What it means', '## What to look at', '## What to do'])
        expect(page).toContain(part);
      expect(tried).toMatch(new RegExp(`alertname: ${name}\\n *exp_alerts:\\n *- exp_labels`));
      expect(tried).toMatch(new RegExp(`alertname: ${name}\\n *exp_alerts: \\[\\]`));
    }
    const pages = readdirSync(RUNBOOKS).map((file) => `docs/runbooks/${file}`);
    expect(pages.sort()).toEqual(rules.map(({ annotations }) => annotations.runbook!).sort());
  });

  test('promtool has nothing to say about /metrics, and what must be there is', async () => {
    const text = await metricsText(app);
    expect(promtool(['check', 'metrics'], text)).toEqual({ code: 0, said: '' });
    const names = new Set([...text.matchAll(/^# TYPE trailgraph_(\w+) /gm)].map(([, name]) => name!));
    expect(REQUIRED.filter((name) => !names.has(name))).toEqual([]);
  });

  test('counts requests by the part that answers and the class of status, never by their paths', async () => {
    expect((await fetch(`${app.url}/nothing/${source.id}`)).status).toBe(404);
    const counted = 'trailgraph_http_request_seconds_count{area="unknown",status="4xx"} 1';
    await eventually(async () => (await metricsText(app)).includes(`\n${counted}\n`), 'it is counted');
    expect(await metricsText(app)).not.toContain(source.id);
  });

  test('tells for how long a delivery of an active webhook has been due, and nothing of one that is paused', async () => {
    const { db } = app.core.store;
    const watch = new WebhookWatch(new DueDeliveries(db), app.core.metrics);
    const figures = async (): Promise<number[]> => {
      await watch.look();
      const text = await metricsText(app);
      return ['pending', 'oldest_due_seconds'].map((name) =>
        Number(new RegExp(`^trailgraph_webhook_${name} (\\S+)$`, 'm').exec(text)![1]),
      );
    };
    const { id: webhookId } = await webhook(204);
    const set = { heldUntil: new Date(Date.now() + HOUR_MS) };
    await db.collection<{ _id: string }>('webhooks').updateOne({ _id: webhookId }, { $set: set });
    await eventually(async () => (await figures())[0] === 0, 'nothing else waits');
    const waiting = (dueAt: number) => ({ webhookId, state: 'PENDING', nextAttemptAt: new Date(dueAt) });
    await db
      .collection('deliveries')
      .insertMany([waiting(Date.now() + HOUR_MS), waiting(Date.now() - HOUR_MS)]);
    const [pending, oldest] = await figures();
    expect(pending).toBe(2);
    expect(oldest).toBeGreaterThanOrEqual(HOUR_MS / 1_000);
    expect(oldest).toBeLessThan(HOUR_MS / 1_000 + 120);
    await admin.run('mutation ($id: ID!) { pauseWebhook(id: $id) { state } }', { id: webhookId });
    expect(await figures()).toEqual([2, 0]);
  });

  test("a worker that is nobody's child serves its own figures and health where METRICS_PORT says", async () => {
    const lines: string[] = [];
    const settings = readSettings({ ...app.environment, ROLE: 'worker', METRICS_PORT: '0' });
    const log = createLogger({
      level: 'info',
      pretty: false,
      destination: { write: (line) => void lines.push(line) },
    });
    const worker = await startRole({
      settings,
      version: '0.0.0-test',
      log,
      searchPath: '',
      cacheDir: '',
      webRoot: '',
      workers: null,
      crash: () => undefined,
    });
    try {
      const { url } = lines.map((line) => JSON.parse(line) as { url?: string }).find((line) => line.url)!;
      const text = await (await fetch(`${url}/metrics`)).text();
      expect(promtool(['check', 'metrics'], text)).toEqual({ code: 0, said: '' });
      expect(text).toMatch(/^trailgraph_component_up\{component="mongodb"\} 1$/m);
      expect(text).toMatch(/^trailgraph_geo_database_age_seconds\{database="city"\} \d/m);
      expect((await fetch(`${url}/readyz`)).status).toBe(200);
    } finally {
      await worker.stop();
    }
  });

  test('who no longer sweeps for all tells of no batches any more', async () => {
    const { db } = app.core.store;
    const pending = async (): Promise<number> => metric(app, 'trailgraph_batches_pending');
    const leases = db.collection<{ _id: string }>('leases');
    const later = new Date(Date.now() + HOUR_MS);
    const waiting = { sourceId: 'none', state: 'PENDING', dueAt: later, createdAt: new Date(), attempts: 0 };
    await db.collection('batches').insertOne(waiting);
    await eventually(async () => (await pending()) === 1, 'the batch is counted');
    await leases.updateOne({ _id: 'sweeper' }, { $set: { token: 'another', until: later } });
    await eventually(async () => (await pending()) === 0, 'it is left to the other one');
    await leases.deleteOne({ _id: 'sweeper' });
    await eventually(async () => (await pending()) === 1, 'it is counted again');
  });
});

describe('the files under deploy/monitoring', () => {
  test('promtool takes the configuration and the rules, and the tests of the rules pass', () => {
    for (const args of [
      ['check', 'config', join(FOLDER, 'prometheus.yml')],
      ['check', 'rules', join(FOLDER, 'alerts.yml')],
      ['test', 'rules', join(FOLDER, 'alerts.test.yml')],
    ]) {
      const { code, said } = promtool(args);
      expect({ args, code, said }).toEqual({ args, code: 0, said: expect.stringContaining('SUCCESS') });
    }
  });

  test('dashboards ask the data source that is provisioned, each under a uid of its own', () => {
    const provisioned = /uid: (\w+)/.exec(textOf('grafana/provisioning/datasources/prometheus.yml'))![1];
    const asked = dashboards.flatMap(({ panels }) => panels.map(({ datasource }) => datasource.uid));
    expect(new Set(asked)).toEqual(new Set([provisioned]));
    expect(new Set(dashboards.map(({ uid }) => uid)).size).toBe(dashboards.length);
  });

  test('what the pages have one ask by GraphQL can be asked', () => {
    const schema = buildSchema(readFileSync(join(ROOT, 'schema/schema.graphql'), 'utf8'));
    const asked = readdirSync(RUNBOOKS).flatMap((file) =>
      [...readFileSync(join(RUNBOOKS, file), 'utf8').matchAll(/`(\{ .+?)`/g)].map(([, query]) => query!),
    );
    expect(asked.length).toBeGreaterThan(0);
    for (const query of asked) expect(validate(schema, parse(query))).toEqual([]);
  });

  test('docker-compose mounts what is there, where the provisioning says', () => {
    const compose = readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8');
    const mounts = [...compose.matchAll(/- (\.\/\S+?):(\S+):ro/g)];
    expect(mounts.length).toBeGreaterThan(0);
    expect(mounts.filter(([, path]) => !existsSync(join(ROOT, path!)))).toEqual([]);
    const shown = /path: (\S+)/.exec(textOf('grafana/provisioning/dashboards/trailgraph.yml'))![1];
    expect(mounts.map(([, , inside]) => inside)).toContain(shown);
  });
});
