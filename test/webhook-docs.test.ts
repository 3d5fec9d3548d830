import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Webhook as Signer } from 'standardwebhooks';
import { RETRY_DELAYS_MS } from '../src/domain/backoff';
import { demoRecord } from '../src/sources/demo/demo-record';
import {
  type DocumentReceiver,
  hasGo,
  type Language,
  startDocumentReceiver,
} from './support/document-receiver';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const DOCS = join(__dirname, '../docs');
const text = readFileSync(join(DOCS, 'webhooks.md'), 'utf8');

function blocks(language: string): string[] {
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter(([, name]) => name === language)
    .map(([, , code]) => code!);
}

describe('docs/webhooks.md', () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let stored = 0;

  beforeAll(async () => {
    app = await startTrailGraph();
    admin = await app.admin();
  });
  afterAll(() => app.stop());

  /** Stores one event, of which every webhook hears. */
  async function storeOne(): Promise<string> {
    const record = demoRecord({ seed: 3, sourceId: 'docs', n: stored++, eventTime: new Date() });
    await admin.ingest([record]);
    return String(record.eventID);
  }

  const statuses = async (id: string): Promise<(number | null)[]> =>
    (
      await admin.run<{ deliveries: { nodes: { attempts: { responseStatus: number | null }[] }[] } }>(
        'query ($id: ID!) { deliveries(filter: { webhookIds: [$id] }) { nodes { attempts { responseStatus } } } }',
        { id },
      )
    ).deliveries.nodes.flatMap(({ attempts }) => attempts.map(({ responseStatus }) => responseStatus));

  /** Starts the document's receiver as a webhook of its own, and has it hear of one event. */
  async function expectVerifies(language: Language): Promise<void> {
    const found = blocks(language);
    expect(found).toHaveLength(1);
    let webhook = { id: '', secret: '' };
    const receiver = await startDocumentReceiver(language, found[0]!, async (url) => {
      const { createWebhook } = await admin.run<{
        createWebhook: { webhook: { id: string }; secret: string };
      }>(
        'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } secret } }',
        { input: { name: language, url } },
      );
      webhook = { id: createWebhook.webhook.id, secret: createWebhook.secret };
      return webhook.secret;
    });
    try {
      const eventId = await storeOne();
      await eventually(() => receiver.said().includes(eventId), `${language} printed the event`);
      await eventually(async () => (await statuses(webhook.id)).length === 1, 'the attempt is noted');
      expect(await statuses(webhook.id)).toEqual([204]);
      await expectRefusals(receiver, webhook.secret);
    } finally {
      await admin.run('mutation ($id: ID!) { deleteWebhook(id: $id) }', { id: webhook.id });
      await receiver.stop();
    }
  }

  /** Sends what nobody with the secret has just signed. */
  async function expectRefusals(receiver: DocumentReceiver, secret: string): Promise<void> {
    const body = '{"forged":true}';
    const signer = new Signer(secret);
    const now = new Date();
    const old = new Date(now.getTime() - 10 * 60_000);
    const headersOf = (at: Date, signature: string): Record<string, string> => ({
      'webhook-id': 'dlv_forged',
      'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
      'webhook-signature': signature,
    });
    const post = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(receiver.url, { method: 'POST', headers, body })).status;
    const refused = [
      headersOf(now, signer.sign('dlv_forged', now, '{"other":1}')),
      headersOf(old, signer.sign('dlv_forged', old, body)),
      headersOf(now, 'nonsense'),
      {},
    ];
    for (const headers of refused) expect(await post(headers)).toBe(401);
    expect(receiver.said()).not.toContain('forged');
    expect(await post(headersOf(now, signer.sign('dlv_forged', now, body)))).toBe(204);
  }

  test('its receiver in Node verifies a delivery and refuses what is forged or old', () =>
    expectVerifies('js'));

  test(
    'its receiver in Python verifies a delivery and refuses what is forged or old',
    () => expectVerifies('python'),
    120_000,
  );

  if (hasGo())
    test(
      'its receiver in Go verifies a delivery and refuses what is forged or old',
      () => expectVerifies('go'),
      300_000,
    );
  else
    test('its receiver in Go is there (not run: this machine has no Go)', () => {
      expect(blocks('go')).toHaveLength(1);
    });

  test('its examples of bodies are JSON, one for each format and one of an operational event', () => {
    const examples = blocks('json');
    expect(examples).toHaveLength(6);
    for (const example of examples) expect(() => JSON.parse(example) as unknown).not.toThrow();
  });

  test('its waits are those of the retry schedule', () => {
    const [, cells = ''] = /^\| wait[^|]*\|(.*)\|$/m.exec(text) ?? [];
    const unit: Record<string, number> = { s: 1_000, min: 60_000, h: 3_600_000 };
    const waits = cells.split('|').map((cell) => {
      const [count, name] = cell.trim().split(' ');
      return Number(count) * unit[name!]!;
    });
    expect(waits).toEqual(RETRY_DELAYS_MS);
  });

  test('it links only to what is there', () => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, path]) => path!);
    expect(links.filter((path) => !existsSync(join(DOCS, path)))).toEqual([]);
    expect(links.length).toBeGreaterThan(5);
  });
});
