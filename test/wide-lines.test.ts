import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { demoRecords } from './support/ledger';
import { Receiver } from './support/receiver';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

type Line = Record<string, unknown> & { level: number; msg: string };

const [INFO, DEBUG] = [30, 20];

describe('the log has one wide line for each unit of work', () => {
  const logLines: string[] = [];
  const receiver = new Receiver();
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let door: { url: string; token: string };

  beforeAll(async () => {
    app = await startTrailGraph({ logLines, settings: { WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8' } });
    admin = await app.admin();
    const url = await receiver.start();
    await admin.run('mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { secret } }', {
      input: { name: 'siem', url, batchSize: 10 },
    });
    const { createSource } = await admin.run<{
      createSource: { source: { id: string }; ingestToken: string };
    }>('mutation { createSource(input: { name: "pushed", httpPush: {} }) { source { id } ingestToken } }');
    door = { url: `${app.url}/ingest/${createSource.source.id}`, token: createSource.ingestToken };
  });
  afterAll(async () => {
    await app?.stop();
    await receiver.stop();
  });

  const lines = (msg: string): Line[] =>
    logLines.map((line) => JSON.parse(line) as Line).filter((line) => line.msg === msg);
  const lineOf = async (msg: string, requestId: string): Promise<Line> => {
    const found = (): Line | undefined =>
      lines(msg).find(({ requestId: own, requestIds = [] }) =>
        [own, ...(requestIds as string[])].includes(requestId),
      );
    await eventually(() => found() !== undefined, `"${msg}" tells of request ${requestId}`);
    return found()!;
  };

  test('a request that pushes is followed by its id to its batch and to each delivery of its events', async () => {
    const answer = await fetch(door.url, {
      method: 'POST',
      headers: { authorization: `Bearer ${door.token}` },
      body: JSON.stringify({ Records: demoRecords(91, 0, 3) }),
    });
    expect(await answer.json()).toMatchObject({ stored: 3 });
    const requestId = answer.headers.get('x-request-id')!;
    expect(await lineOf('request answered', requestId)).toMatchObject({
      level: INFO,
      method: 'POST',
      route: '/ingest/:sourceId',
      status: 200,
    });
    expect(await lineOf('batch settled', requestId)).toMatchObject({
      level: INFO,
      state: 'DONE',
      received: 3,
      stored: 3,
      attempts: 1,
    });
    const delivery = await lineOf('delivery attempted', requestId);
    expect(delivery).toMatchObject({ level: DEBUG, state: 'DELIVERED', attempt: 1, responseStatus: 204 });
    expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toContain(delivery.deliveryId);
  });

  test('so is a mutation that ingests; what fails at a receiver is told without `debug`', async () => {
    receiver.answer = () => ({ status: 500 });
    const { body, requestId } = await post(admin, demoRecords(91, 10, 2));
    expect(body).toEqual({ data: { ingestEvents: { stored: 2 } }, extensions: expect.anything() });
    expect(await lineOf('request answered', requestId)).toMatchObject({ level: DEBUG, route: '/graphql' });
    expect(await lineOf('batch settled', requestId)).toMatchObject({ level: INFO, stored: 2 });
    expect(await lineOf('delivery attempted', requestId)).toMatchObject({
      level: INFO,
      state: 'PENDING',
      failure: 'http_5xx',
      responseStatus: 500,
      events: 2,
    });
  });

  async function post(
    client: GraphqlClient,
    records: object[],
  ): Promise<{ body: unknown; requestId: string }> {
    const answer = await fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${client.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        query: 'mutation ($records: [JSON!]!) { ingestEvents(records: $records) { stored } }',
        variables: { records },
      }),
    });
    return { body: await answer.json(), requestId: answer.headers.get('x-request-id')! };
  }
});
