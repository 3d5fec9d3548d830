import { eventually } from '../support/eventually';
import { startTrailGraph, type TestTrailGraph } from '../support/trailgraph';
import { connectionsTo, FAILOVER_MS, masterAfter, worksWith } from '../support/valkey-followers';
import { ValkeySentinels } from '../support/valkey-sentinels';

let group: ValkeySentinels;
let app: TestTrailGraph;

beforeAll(async () => {
  group = await ValkeySentinels.start(2);
  app = await startTrailGraph({ settings: group.settings });
});
afterAll(async () => {
  await app?.stop();
  await group?.close();
});

test('a master that hangs is left for the next one, and stays left when it wakes as a replica', async () => {
  await worksWith(app, group, await group.masterPort());
  const { port, thaw } = await group.freezeMaster();
  try {
    const next = await masterAfter(group, port);
    await worksWith(app, group, next);
    thaw();
    await eventually(
      async () => (await group.on(port, (client) => client.role()))[0] === 'slave',
      'it is a replica',
      FAILOVER_MS,
    );
    await worksWith(app, group, next);
    await eventually(
      async () => {
        const left = await connectionsTo(group, port);
        return left.ours.length + left.waiting === 0;
      },
      'nobody is connected to it',
      FAILOVER_MS,
    );
  } finally {
    thaw();
  }
}, 240_000);
