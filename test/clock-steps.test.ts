import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually } from './support/eventually';
import { createPushSource, demoRecords, type PushSource, push } from './support/ledger';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const MINUTES = 60_000;
/** What a receiver puts up with is five minutes; a busy machine is not to matter. */
const NEAR_SECONDS = 60;

const trueNow = Date.now;

/** Sets the clock of this machine as the application sees it; the database's stays right. */
function setClock(byMs: number): void {
  Date.now = () => trueNow() + byMs;
}

describe('while the clock of the machine is set, and nobody starts anything again', () => {
  let app: TestTrailGraph;
  let source: PushSource;
  let refuse = 0;
  const requests: { signedAt: number; at: number; status: number }[] = [];
  const server: Server = createServer((request, response) => {
    request.resume().on('end', () => {
      const status = refuse-- > 0 ? 500 : 204;
      requests.push({
        signedAt: Number(request.headers['webhook-timestamp']),
        at: trueNow() / 1_000,
        status,
      });
      response.writeHead(status).end();
    });
  });

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    app = await startTrailGraph();
    const admin = await app.admin();
    source = await createPushSource(admin);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    await admin.run('mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { secret } }', {
      input: { name: 'timely', url, batchSize: 100 },
    });
  });
  afterAll(async () => {
    Date.now = trueNow;
    await app?.stop();
    server.closeAllConnections();
    server.close();
  });

  test.each([
    ['back by ten minutes', -10 * MINUTES],
    ['forth by ten minutes', 10 * MINUTES],
  ])(
    '%s: events are stored, sent at once and again after a failure, signed at the time of the database',
    async (_, byMs) => {
      const before = requests.length;
      const records = demoRecords(31, before * 100, 10);
      expect(await push(app, source, records.slice(0, 5))).toBe(200);
      await eventually(() => requests.length === before + 1, 'the events before are sent', 20_000);
      setClock(byMs);
      refuse = 1;
      expect(await push(app, source, records.slice(5))).toBe(200);
      // The next attempt is due after 5 s; by the clock that was set it would be minutes.
      await eventually(() => requests.length === before + 3, 'the events after are sent, and again', 30_000);
      expect(requests.slice(before).map(({ status }) => status)).toEqual([204, 500, 204]);
      for (const { signedAt, at } of requests) expect(Math.abs(signedAt - at)).toBeLessThan(NEAR_SECONDS);
    },
  );
});
