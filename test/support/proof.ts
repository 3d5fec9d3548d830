import type { Webhook } from '../../src/domain/webhook';
import { WHOLE_COMMIT } from '../../src/pipeline/forward/commit-reader';
import type { KeptTally } from '../../src/store/tallies';
import { eventually } from './eventually';
import { ledger } from './ledger';
import type { TestTrailGraph } from './trailgraph';

const GAUGE = 'trailgraph_webhook_delivery_gap_events';

/** Asserts what was found missing, and that the gauge of the app, whose worker runs in its process, shows it. */
export async function expectGap(app: TestTrailGraph, events: number): Promise<void> {
  const missing = await app.core.tallies.missing();
  expect([...missing.values()].reduce((a, b) => a + b, 0)).toBe(events);
  await eventually(async () => (await gapEvents(app)) === events, `the gauge shows ${events}`);
}

export async function gapEvents(app: TestTrailGraph): Promise<number> {
  const text = await (await fetch(`${app.url}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${GAUGE} `));
  if (!line) throw new Error(`there is no ${GAUGE}`);
  return Number(line.slice(GAUGE.length + 1));
}

export function talliesOf(app: TestTrailGraph, webhookId: string): Promise<KeptTally[]> {
  return app.core.store.db
    .collection<KeptTally>('webhook_tallies')
    .find({ webhookId })
    .sort({ 'from.n': 1, 'from.pos': 1 })
    .toArray();
}

/** Waits until every webhook has looked at everything, and all that it says of it was checked. */
export async function proven(app: TestTrailGraph): Promise<void> {
  const { db, commits } = ledger(app);
  const [last] = await commits.find().sort({ _id: -1 }).limit(1).toArray();
  await eventually(
    async () => {
      const webhooks = await db.collection<Webhook>('webhooks').find({ deletedAt: null }).toArray();
      for (const { _id, position, tally, closedTallies } of webhooks) {
        // Within the last commit some events may still wait for others to fill a body.
        if (position.n < last!._id || position.pos !== WHOLE_COMMIT || closedTallies.length > 0)
          throw new Error(`${_id} is at ${JSON.stringify(position)} of ${last!._id}`);
        const kept = await talliesOf(app, _id);
        const now = new Date();
        if (kept.some(({ checkedAt, dueAt }) => checkedAt === null || dueAt <= now))
          throw new Error(`tallies of ${_id} are not checked yet`);
        const open = kept.at(-1);
        if (open?.through.n !== tally?.through.n || open?.through.pos !== tally?.through.pos)
          throw new Error(`the last tally of ${_id} is not kept yet`);
      }
      return true;
    },
    'what every webhook made of the commits is checked',
    60_000,
  );
}

/** Has everything checked again, as if the time for it had come. */
export async function checkedAgain(app: TestTrailGraph): Promise<void> {
  await app.core.store.db
    .collection('webhook_tallies')
    .updateMany({}, { $set: { dueAt: new Date(), checkedAt: null } });
  await proven(app);
}
