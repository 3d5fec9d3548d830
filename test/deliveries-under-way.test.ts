import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { demoRecords } from './support/ledger';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

describe('a delivery that an operator touches at an odd moment', () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let url: string;
  let next = 0;
  /** The webhook-id of each request, in their order, and those that wait for an answer. */
  const requests: string[] = [];
  const waiting: ServerResponse[] = [];
  const server = createServer((request, response) => {
    request.resume();
    requests.push(String(request.headers['webhook-id']));
    waiting.push(response);
  });

  beforeAll(async () => {
    app = await startTrailGraph();
    admin = await app.admin();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  });
  afterAll(async () => {
    await app?.stop();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  beforeEach(() => {
    requests.length = 0;
    waiting.length = 0;
  });

  /** A webhook to which one request at a time is sent. */
  async function create(): Promise<string> {
    const { createWebhook } = await admin.run<{ createWebhook: { webhook: { id: string } } }>(
      'mutation ($url: String!) { createWebhook(input: { name: "test", url: $url, ordered: true }) { webhook { id } } }',
      { url },
    );
    return createWebhook.webhook.id;
  }

  async function store(count: number): Promise<void> {
    await admin.ingest(demoRecords(93, next, count));
    next += count;
  }

  const cancel = (id: string): Promise<unknown> =>
    admin.run('mutation ($id: ID!) { cancelDelivery(id: $id) { id } }', { id });

  test('is not due to anybody else while it is under way, though it is asked to be sent again', async () => {
    const webhookId = await create();
    await store(1);
    await eventually(() => requests.length === 1, 'it is under way');
    const id = requests[0]!;
    const redeliver = async (): Promise<{ state: string; nextAttemptAt: string }> =>
      (
        await admin.run<{ redeliver: { state: string; nextAttemptAt: string } }>(
          'mutation ($id: ID!) { redeliver(id: $id) { state nextAttemptAt } }',
          { id },
        )
      ).redeliver;
    const before = await app.core.deliveries.get(id);
    expect(await redeliver()).toEqual({
      state: 'PENDING',
      nextAttemptAt: before!.nextAttemptAt!.toISOString(),
    });
    expect(await app.core.deliveries.due(webhookId, 10)).toEqual([]);
    waiting[0]!.writeHead(500).end();
    await eventually(async () => (await app.core.deliveries.get(id))!.attempts.length === 1, 'it has failed');
    // Now it waits for its next attempt: asked again, it need not.
    await redeliver();
    await eventually(() => requests.length === 2, 'it is sent again');
    expect(requests[1]).toBe(id);
    waiting[1]!.writeHead(204).end();
    await eventually(
      async () => (await app.core.deliveries.get(id))?.state === 'DELIVERED',
      'it has arrived',
    );
    await admin.run('mutation ($id: ID!) { deleteWebhook(id: $id) }', { id: webhookId });
  });

  test('is not sent where it is cancelled while it waits for its turn', async () => {
    const webhookId = await create();
    await store(3);
    await eventually(() => requests.length === 1, 'the first is under way');
    await eventually(
      async () => (await app.core.deliveries.inOrder(webhookId, 10)).length === 3,
      'the others wait for their turn',
    );
    const [first, second, third] = (await app.core.deliveries.inOrder(webhookId, 10)).map(({ _id }) => _id);
    await cancel(second!);
    waiting[0]!.writeHead(204).end();
    await eventually(() => requests.length === 2, 'the next one is sent');
    expect(requests).toEqual([first, third]);
    waiting[1]!.writeHead(204).end();
    await eventually(
      async () => (await app.core.deliveries.get(third!))?.state === 'DELIVERED',
      'it has arrived',
    );
    expect(requests).toEqual([first, third]);
    expect((await app.core.deliveries.get(second!))?.state).toBe('CANCELLED');
  });
});
