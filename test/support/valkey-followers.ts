import type { Redis } from 'ioredis';
import { eventually } from './eventually';
import type { TestTrailGraph } from './trailgraph';
import type { ValkeySentinels } from './valkey-sentinels';

/** Down after 2 s, an election, three look-ups: some seconds, and many on a busy machine. */
export const FAILOVER_MS = 60_000;

/** The names of our connections to a valkey; Bee-Queue's have none, and are told by their blocking wait. */
export async function connectionsTo(
  group: ValkeySentinels,
  port: number,
): Promise<{ ours: string[]; waiting: number }> {
  const list = String(await group.on(port, (client) => client.client('LIST')));
  const lines = list.split('\n').filter(Boolean);
  return {
    ours: lines.flatMap((line) => /name=(trailgraph-\w+)/.exec(line)?.[1] ?? []).sort(),
    waiting: lines.filter((line) => /cmd=(brpoplpush|blmove)/.test(line)).length,
  };
}

/** The port that the Sentinels name once it is another one. */
export async function masterAfter(group: ValkeySentinels, before: number): Promise<number> {
  let named = before;
  await eventually(
    async () => {
      named = await group.masterPort();
      return named !== before;
    },
    'the Sentinels name another master',
    FAILOVER_MS,
  );
  return named;
}

/** All connections are at this valkey, and a hint goes through it. */
export async function worksWith(app: TestTrailGraph, group: ValkeySentinels, port: number): Promise<void> {
  await eventually(
    async () => {
      const { ours, waiting } = await connectionsTo(group, port);
      expect({ ours, waiting }).toEqual({ ours: ['trailgraph-bus', 'trailgraph-main'], waiting: 3 });
      return true;
    },
    'all connections are at the master',
    FAILOVER_MS,
  );
  await eventually(
    async () => {
      await hintIsTaken(app, group, port);
      return true;
    },
    'a hint is given and taken',
    FAILOVER_MS,
  );
}

async function hintIsTaken(app: TestTrailGraph, group: ValkeySentinels, port: number): Promise<void> {
  await app.core.hint('enrich', ['nothing-by-this-name']);
  const key = (part: string): string => `${app.database}:enrich:${part}`;
  const jobs = (client: Redis) =>
    Promise.all([client.get(key('id')), client.llen(key('waiting')), client.llen(key('active'))]);
  await eventually(
    async () => {
      const [newest, waiting, active] = await group.on(port, jobs);
      return Number(newest) > 0 && waiting + active === 0;
    },
    'it is taken',
    2_000,
  );
}
