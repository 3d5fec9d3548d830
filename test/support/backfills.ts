import { eventually } from './eventually';
import type { GraphqlClient } from './graphql-client';

export interface BackfillAnswer {
  id: string;
  state: string;
  deliver: boolean;
  percent: number;
  batchesDone: number;
  batchesTotal: number | null;
  received: number;
  stored: number;
  duplicates: number;
  position: string | null;
  etaSeconds: number | null;
  error: string | null;
  remedy: string | null;
  doneAt: string | null;
}

export const BACKFILL_FIELDS =
  'id state deliver percent batchesDone batchesTotal received stored duplicates position etaSeconds error remedy doneAt';

export async function startBackfill(
  client: GraphqlClient,
  input: { sourceId: string; from: string; to: string; deliver?: boolean },
): Promise<BackfillAnswer> {
  const { startBackfill } = await client.run<{ startBackfill: BackfillAnswer }>(
    `mutation ($input: StartBackfillInput!) { startBackfill(input: $input) { ${BACKFILL_FIELDS} } }`,
    { input },
  );
  return startBackfill;
}

/** @param change such as `pauseBackfill` */
export async function changeBackfill(
  client: GraphqlClient,
  change: 'pauseBackfill' | 'resumeBackfill' | 'cancelBackfill',
  id: string,
): Promise<BackfillAnswer> {
  const data = await client.run<Record<string, BackfillAnswer>>(
    `mutation ($id: ID!) { ${change}(id: $id) { ${BACKFILL_FIELDS} } }`,
    { id },
  );
  return data[change]!;
}

export async function readBackfill(client: GraphqlClient, id: string): Promise<BackfillAnswer> {
  const { backfill } = await client.run<{ backfill: BackfillAnswer }>(
    `query ($id: ID!) { backfill(id: $id) { ${BACKFILL_FIELDS} } }`,
    { id },
  );
  return backfill;
}

/** Waits until it is in the state, with nothing left to settle where that is a final one. */
export async function backfillIn(
  client: GraphqlClient,
  id: string,
  state: string,
  withinMs = 60_000,
): Promise<BackfillAnswer> {
  let last: BackfillAnswer | null = null;
  await eventually(
    async () => {
      last = await readBackfill(client, id);
      return last.state === state;
    },
    `the backfill is ${state}`,
    withinMs,
  ).catch((error: unknown) => {
    throw new Error(`${String(error)}; it is ${JSON.stringify(last)}`);
  });
  return last!;
}
