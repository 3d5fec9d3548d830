import { eventually } from './eventually';
import type { TestTrailGraph } from './trailgraph';

/** What /metrics says of how many subscriptions are open. */
export async function subscriptions(app: TestTrailGraph): Promise<number> {
  return metric(app, 'trailgraph_subscriptions');
}

export async function metric(app: TestTrailGraph, name: string): Promise<number> {
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(await metricsText(app))![1]);
}

export async function metricsText(app: TestTrailGraph): Promise<string> {
  return (await fetch(`${app.url}/metrics`)).text();
}

/** Waits until so many subscriptions are open: each hears of everything stored from then on. */
export function opened(app: TestTrailGraph, count: number): Promise<void> {
  return eventually(async () => (await subscriptions(app)) === count, `${count} subscriptions are open`);
}

/** How many connections of Valkey hear of this application's commits. */
export async function busListeners(app: TestTrailGraph): Promise<number> {
  const [, count] = (await app.core.valkey.pubsub('NUMSUB', `${app.database}:commits`)) as [string, number];
  return count;
}
