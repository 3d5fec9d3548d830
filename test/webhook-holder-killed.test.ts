import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually } from './support/eventually';
import { createPushSource, demoRecords, push } from './support/ledger';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';
import { type SpawnedProgram, WorkerCrew } from './support/worker-process';

/** The claim of the first attempt (its timeout and 15 s), the lease, and the start of a worker on a busy machine. */
const HEARD_AGAIN_MS = 120_000;

describe('a webhook whose holder is killed in the middle of a request', () => {
  let app: TestTrailGraph;
  let crew: WorkerCrew;
  let receiver: Server;
  let worker: SpawnedProgram;
  const heard: string[] = [];
  let tellStored: () => void;
  const stored = new Promise<void>((resolve) => {
    tellStored = resolve;
  });

  beforeAll(async () => {
    receiver = createServer((request, response) => {
      heard.push(String(request.headers['webhook-id']));
      if (heard.length > 1) {
        response.writeHead(204).end();
        return;
      }
      // Not before its sender knows: what is sent again would be a commit to look at.
      void stored.then(() => worker.kill('SIGKILL'));
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    app = await startTrailGraph({ settings: { ROLE: 'api' } });
    crew = new WorkerCrew(app.environment);
  });
  afterAll(async () => {
    await crew?.killAll();
    await app?.stop();
    receiver.closeAllConnections();
    await new Promise((resolve) => receiver.close(resolve));
  });

  test('hears again of what it was sent, also where nothing is ever stored after it', async () => {
    const admin = await app.admin();
    const source = await createPushSource(admin);
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
    await admin.run(
      'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } } }',
      { input: { name: 'killed', url, timeoutMs: 10_000 } },
    );
    worker = crew.start();
    const records = demoRecords(77, 0, 1);
    await eventually(async () => (await push(app, source, records)) === 200, 'the event is stored', 60_000);
    tellStored();
    expect(await worker.ended(60_000)).toEqual({ code: null, signal: 'SIGKILL' });
    expect(heard).toHaveLength(1);
    crew.start();
    await eventually(() => heard.length > 1, 'the receiver hears again', HEARD_AGAIN_MS);
    expect(new Set(heard).size).toBe(1);
  });
});
