import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { byHttp, byWebSocket } from './support/both-doors';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { newRecord } from './support/pushing';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

/** What must never be seen again, each of a shape that its place takes. */
const CANARY = {
  accessKeyId: 'AKIACANARYCANARY0001',
  secretAccessKey: 'canary-secret-access-key-0123456789abcdef',
  sessionToken: 'canary-session-token-0123456789abcdef',
  ingestToken: 'canary-ingest-token-0123456789abcdef012345',
  webhookSecret: `whsec_${Buffer.from('canary-webhook-secret-0123456789').toString('base64')}`,
  headerValue: 'canary-header-value-0123456789abcdef',
  masterKey: Buffer.from('canary-master-key-0123456789abcd').toString('base64'),
  previousKey: Buffer.from('canary-previous-key-0123456789ab').toString('base64'),
};

/** Answers with everything that it was told, as an endpoint or a receiver may that means no good. */
async function startEcho(status: number): Promise<{ server: Server; url: string; heard: string[] }> {
  const heard: string[] = [];
  const server = createServer((request, response) => {
    const { 'x-key': key, 'x-amz-security-token': token, authorization } = request.headers;
    const told = `${String(key)} ${String(token)} ${authorization}`;
    heard.push(told);
    request.resume().on('end', () => {
      const xml = `<?xml version="1.0"?><Error><Code>OddRequest</Code><Message>${told}</Message></Error>`;
      response.writeHead(status, { 'content-type': 'application/xml' }).end(xml);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, heard, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describe('what is secret', () => {
  const logLines: string[] = [];
  /** Everything that the API said, but for the answers that show a new secret once. */
  const answers: string[] = [];
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let bucket: Awaited<ReturnType<typeof startEcho>>;
  let receiver: Awaited<ReturnType<typeof startEcho>>;
  const made: { tokens: string[] } = { tokens: [] };

  async function ask<T>(query: string, variables: Record<string, unknown> = {}): Promise<T> {
    const answer = await admin.raw<T>(query, variables);
    answers.push(JSON.stringify(answer));
    return answer.data as T;
  }

  beforeAll(async () => {
    [bucket, receiver] = [await startEcho(400), await startEcho(500)];
    app = await startTrailGraph({
      logLines,
      settings: {
        TRAILGRAPH_MASTER_KEY: CANARY.masterKey,
        TRAILGRAPH_PREVIOUS_MASTER_KEY: CANARY.previousKey,
        WS_OPERATIONS: 'all',
      },
    });
    admin = await app.admin();
  });
  afterAll(async () => {
    await app.stop();
    for (const { server } of [bucket, receiver]) {
      server.closeAllConnections();
      server.close();
    }
  });

  const source = { id: '' };
  const pushed = { id: '' };
  const webhook = { id: '' };
  const CREATE =
    'mutation ($input: CreateSourceInput!) { createSource(input: $input) { source { id } ingestToken } }';

  test('is taken, and used where it is meant to be', async () => {
    const { accessKeyId, secretAccessKey, sessionToken, ingestToken, webhookSecret, headerValue } = CANARY;
    const aws = { accessKeyId, secretAccessKey, sessionToken, endpointUrl: bucket.url };
    const s3 = { bucket: 'a-bucket', pollIntervalSeconds: 60 };
    const created = await ask<{ createSource: { source: { id: string } } }>(CREATE, {
      input: { name: 's3', s3, aws },
    });
    source.id = created.createSource.source.id;
    const own = await admin.run<{ createSource: { source: { id: string } } }>(CREATE, {
      input: { name: 'pushed', httpPush: { token: ingestToken } },
    });
    pushed.id = own.createSource.source.id;
    const rotated = await admin.run<{ rotateIngestToken: { ingestToken: string } }>(
      'mutation ($id: ID!) { rotateIngestToken(id: $id) { ingestToken } }',
      {
        id: (await admin.run<typeof own>(CREATE, { input: { name: 'rotated', httpPush: {} } })).createSource
          .source.id,
      },
    );
    made.tokens.push(rotated.rotateIngestToken.ingestToken, app.api.directToken);
    const { createWebhook } = await admin.run<{ createWebhook: { webhook: { id: string } } }>(
      'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } } }',
      {
        input: {
          name: 'w',
          url: `${receiver.url}/hook`,
          secret: webhookSecret,
          sourceIds: [pushed.id],
          headers: [{ name: 'X-Key', value: headerValue }],
        },
      },
    );
    webhook.id = createWebhook.webhook.id;
    const response = await fetch(`${app.url}/ingest/${pushed.id}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ingestToken}` },
      body: JSON.stringify({ Records: [newRecord(), { eventID: 'no time' }] }),
    });
    answers.push(await response.text());
    expect(response.status).toBe(200);
    await eventually(() => receiver.heard.some((told) => told.includes(headerValue)), 'the webhook was sent');
    await eventually(() => bucket.heard.some((told) => told.includes(sessionToken)), 'the bucket was asked');
    await eventually(async () => {
      const { source: read } = await ask<{ source: { status: { health: string } } }>(
        'query ($id: ID!) { source(id: $id) { status { health lastError remedy } } }',
        { id: source.id },
      );
      return read.status.health === 'FAILING';
    }, 'the source says what the bucket said');
    await eventually(async () => {
      const { deliveries } = await ask<{ deliveries: { nodes: { attempts: unknown[] }[] } }>(
        `{ deliveries { nodes { id state attempts { number responseStatus responseBody failure address } } } }`,
      );
      return (deliveries.nodes[0]?.attempts.length ?? 0) > 0;
    }, 'the attempt is told');
  });

  test('is not repeated in what is refused', async () => {
    const { accessKeyId, secretAccessKey, sessionToken } = CANARY;
    const refused: [string, Record<string, unknown>][] = [
      [
        CREATE,
        {
          input: {
            name: '',
            s3: { bucket: '!' },
            aws: { accessKeyId, secretAccessKey, sessionToken, region: '!' },
          },
        },
      ],
      [
        CREATE,
        {
          input: { name: 'x', s3: { bucket: 'a-bucket' }, aws: { secretAccessKey: CANARY.secretAccessKey } },
        },
      ],
      [CREATE, { input: { name: 'x', httpPush: { token: ` ${CANARY.ingestToken}` } } }],
      [
        'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { secret } }',
        {
          input: {
            name: 'x',
            url: 'http://10.0.0.1/',
            secret: `${CANARY.webhookSecret}!`,
            headers: [{ name: 'host', value: CANARY.headerValue }],
          },
        },
      ],
    ];
    for (const [query, variables] of refused) {
      const { errors } = await admin.raw(query, variables);
      expect(errors).toHaveLength(1);
      answers.push(JSON.stringify(errors));
    }
    const misplaced: [string, Record<string, unknown>][] = [
      [
        CREATE,
        {
          input: {
            name: 'x',
            aws: { secretAccessKey: [{ key: secretAccessKey }], sessionToken: { sessionToken } },
          },
        },
      ],
      [CREATE, { input: { name: 'x', aws: { secretAccessKe: secretAccessKey } } }],
      [CREATE, { input: CANARY.secretAccessKey }],
      [
        'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { secret } }',
        { input: { headers: CANARY.headerValue } },
      ],
    ];
    for (const [query, variables] of misplaced) {
      const { errors } = await byHttp(admin, { query, variables });
      answers.push(JSON.stringify(errors));
      const told = await byWebSocket(admin, { query, variables });
      answers.push(JSON.stringify(told));
      expect(Math.min(errors.length, told.errors.length)).toBeGreaterThan(0);
    }
    // A deep operation, a persisted one that is unknown: neither says back what came along.
    for (const body of [
      { documentId: CANARY.ingestToken },
      { query: `{ ${'health { status } '.repeat(11)} }`, variables: { secret: CANARY.headerValue } },
    ]) {
      answers.push(
        JSON.stringify((await byHttp(admin, body)).errors),
        JSON.stringify(await byWebSocket(admin, body)),
      );
    }
    for (const token of [`${CANARY.ingestToken}x`, ...made.tokens]) {
      const response = await fetch(`${app.url}/ingest/${pushed.id}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
        body: '{}',
      });
      expect(response.status).toBe(401);
      answers.push(await response.text());
    }
  });

  test('never stands in an answer, a log line, the metrics or the database', async () => {
    await ask(
      `query ($id: ID!, $webhook: ID!) {
      source(id: $id) { id name aws { region profile hasStaticKeys endpointUrl } batches { nodes { id reference error } } status { lastError } }
      sources { nodes { id httpPush { path tokenHint } status { lastError remedy } } }
      webhook(id: $webhook) { id url headerNames secretHint stats { pending } deliveries { nodes { id } } }
      quarantine { nodes { id reason text } }
      health { components { name message } }
    }`,
      { id: source.id, webhook: webhook.id },
    );
    for (const path of ['/metrics', '/readyz']) answers.push(await (await fetch(app.url + path)).text());
    const dump: string[] = [];
    const { db } = app.core.store;
    for (const { name } of await db.listCollections().toArray())
      for (const document of await db.collection(name).find().toArray())
        dump.push(`${name}: ${JSON.stringify(document)}`);
    expect(dump.length).toBeGreaterThan(10);
    expect(logLines.length).toBeGreaterThan(1);
    const places = { answers, logLines, dump };
    const secrets = [...Object.values(CANARY), ...made.tokens];
    const seen: string[] = [];
    for (const secret of secrets) {
      const forms = [secret, Buffer.from(secret).toString('base64'), Buffer.from(secret).toString('hex')];
      for (const [place, lines] of Object.entries(places))
        for (const line of lines)
          if (forms.some((form) => line.includes(form)))
            seen.push(`${secret} in ${place}: ${line.slice(0, 300)}`);
    }
    expect(seen).toEqual([]);
    // What is greped for can be found: the names and hints that are no secrets stand there.
    expect(dump.some((line) => line.includes(CANARY.ingestToken.slice(-4)))).toBe(true);
    expect(logLines.some((line) => line.includes(source.id))).toBe(true);
  });
});
