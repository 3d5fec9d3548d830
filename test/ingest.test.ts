import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { GraphqlClient } from './support/graphql-client';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const STATUS = 'status { health received stored duplicates dropped rejected }';

function record(over: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    eventVersion: '1.10',
    userIdentity: {
      type: 'IAMUser',
      userName: 'alice',
      arn: 'arn:aws:iam::123456789012:user/alice',
      accessKeyId: 'AKIAEXAMPLE',
    },
    eventTime: '2026-01-02T03:04:05Z',
    eventSource: 'ec2.amazonaws.com',
    eventName: 'StartInstances',
    awsRegion: 'eu-central-1',
    sourceIPAddress: '205.251.233.176',
    requestParameters: { instancesSet: { items: [{ instanceId: 'i-1' }] } },
    eventID: randomUUID(),
    ...over,
  };
}

describe('records that are pushed', () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let source: { id: string; token: string };

  beforeAll(async () => {
    app = await startTrailGraph();
    admin = await app.admin();
    const { createSource } = await admin.run<{
      createSource: { source: { id: string }; ingestToken: string };
    }>('mutation { createSource(input: { name: "pushed", httpPush: {} }) { source { id } ingestToken } }');
    source = { id: createSource.source.id, token: createSource.ingestToken };
  });
  afterAll(() => app.stop());

  const push = (body: Buffer | string, token = source.token): Promise<Response> =>
    fetch(`${app.url}/ingest/${source.id}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: new Uint8Array(Buffer.from(body)),
    });

  test('are stored when the door answers, and found by their id with where and who', async () => {
    const one = record();
    const response = await push(JSON.stringify({ Records: [one] }));
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ received: 1, stored: 1, duplicates: 0, rejected: 0 });
    const { event } = await admin.run<{ event: Record<string, unknown> }>(
      `query ($id: ID!) { event(id: $id) { id eventName raw enrichment { addressKind outcome geo { country region } network { asn } actor { name kind } } } }`,
      { id: (one.eventID as string).toUpperCase() },
    );
    expect(event).toMatchObject({
      id: one.eventID,
      eventName: 'StartInstances',
      raw: one,
      enrichment: {
        addressKind: 'PUBLIC',
        outcome: 'SUCCESS',
        geo: { country: 'United States of America', region: 'Americas' },
        actor: { name: 'alice', kind: 'IAMUser' },
      },
    });
  });

  test('are stored once however often they are sent, plain or gzip', async () => {
    const body = JSON.stringify({ Records: [record(), record(), record()] });
    expect(await (await push(body)).json()).toMatchObject({ stored: 3, duplicates: 0 });
    expect(await (await push(gzipSync(body))).json()).toMatchObject({
      received: 3,
      stored: 0,
      duplicates: 3,
    });
    expect(await (await push(gzipSync(body))).json()).toMatchObject({
      received: 3,
      stored: 0,
      duplicates: 3,
    });
  });

  test('that are small and come together are answered each with its own result', async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const records: unknown[] = [record(), record()];
        if (index % 2 === 1) records.push({ eventTime: 'yesterday' });
        return (await push(JSON.stringify({ Records: records }))).json() as Promise<Record<string, unknown>>;
      }),
    );
    for (const [index, answer] of answers.entries()) {
      expect(answer).toMatchObject({ received: 2 + (index % 2), stored: 2, rejected: index % 2 });
      if (index % 2 === 1)
        expect(answer.rejections).toEqual([{ index: 2, reason: 'the record has no readable eventTime' }]);
    }
  });

  test('are refused without the token, whatever the source', async () => {
    expect((await push('{"Records":[]}', 'x'.repeat(40))).status).toBe(401);
    const elsewhere = await fetch(`${app.url}/ingest/src_nothing`, {
      method: 'POST',
      body: '{"Records":[]}',
      headers: { authorization: `Bearer ${source.token}` },
    });
    expect(elsewhere.status).toBe(401);
  });

  test.each([
    ['an empty body', '', 400],
    ['text that is not JSON', 'hello', 400],
    ['a list without Records', '{"records":[]}', 400],
    ['a body that ends too early', '{"Records":[{"eventID":"1"', 400],
    [
      'broken gzip data',
      Buffer.concat([gzipSync('{"Records":[]}').subarray(0, 12), Buffer.from('????')]),
      400,
    ],
    ['more than 8 MiB as sent', Buffer.alloc(8 * 1024 * 1024 + 1, 0x20), 413],
    ['more than 64 MiB inflated', gzipSync(Buffer.alloc(65 * 1024 * 1024, 0x20)), 413],
  ])('that are %s are refused with the reason', async (_, body, status) => {
    const response = await push(body);
    expect(response.status).toBe(status);
    expect(((await response.json()) as { message: string }).message).toMatch(/\w+/);
  });

  test('of ingestEvents keep numbers exact where they come as text', async () => {
    const id = randomUUID();
    const text = `[{"eventID":"${id}","eventTime":"2026-01-02T03:04:05Z","eventName":"Exact","requestParameters":{"big":9007199254740993}}]`;
    const { ingestEvents } = await admin.run<{ ingestEvents: object }>(
      'mutation ($text: String!) { ingestEvents(recordsText: $text) { received stored duplicates dropped rejected { index reason } } }',
      { text },
    );
    expect(ingestEvents).toEqual({ received: 1, stored: 1, duplicates: 0, dropped: 0, rejected: [] });
    const { event } = await admin.run<{ event: { rawText: string } }>(
      'query ($id: ID!) { event(id: $id) { rawText sourceId } }',
      { id },
    );
    expect(event).toMatchObject({ sourceId: 'direct' });
    expect(event.rawText).toContain('"big":9007199254740993');
  });

  test('and inputs of the wrong shape are refused without repeating what may be a secret', async () => {
    const { errors } = await admin.raw(
      'mutation ($input: CreateSourceInput!) { createSource(input: $input) { source { id } } }',
      {
        input: {
          name: 'x',
          s3: { bucket: 'b-u' },
          aws: { secretAccessKey: 'canary; at "x"', nonsense: 'canary-2' },
        },
      },
    );
    expect(errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
    expect(errors?.[0]?.message).toContain('nonsense');
    expect(JSON.stringify(errors)).not.toContain('canary');
  });

  test('leave counters that reconcile', async () => {
    const { source: read } = await admin.run<{ source: { status: Record<string, number> } }>(
      `query ($id: ID!) { source(id: $id) { ${STATUS} } }`,
      { id: source.id },
    );
    const { received, stored, duplicates, dropped, rejected } = read.status;
    expect(received).toBe(stored! + duplicates! + dropped! + rejected!);
    expect(received).toBe(1 + 3 * 3 + 40 * 2 + 20);
    expect(stored).toBe(1 + 3 + 80);
  });
});
