import type { HealthStatus } from '../../src/domain/source';
import { eventually } from './eventually';
import type { GraphqlClient } from './graphql-client';
import { ledger } from './ledger';
import { LOOKUP_KEYS, type LookupServer } from './lookup-server';
import type { TestTrailGraph } from './trailgraph';

export interface CreateOptions {
  regions?: string[];
  pollIntervalSeconds?: number;
}

/** Makes a source as an operator does. An interval of its own is set beside, as the API takes 10 s at least. */
export async function createLookupSource(
  app: TestTrailGraph,
  admin: GraphqlClient,
  server: LookupServer,
  { regions = ['us-east-1'], pollIntervalSeconds }: CreateOptions = {},
): Promise<string> {
  const { createSource: made } = await admin.run<{ createSource: { source: { id: string } } }>(
    'mutation ($input: CreateSourceInput!) { createSource(input: $input) { source { id } } }',
    {
      input: {
        name: 'lookups',
        aws: { endpointUrl: server.endpoint, ...LOOKUP_KEYS },
        lookupEvents: { regions },
      },
    },
  );
  const { id } = made.source;
  if (pollIntervalSeconds) {
    const source = await app.core.sources.get(id);
    await app.core.sources.update(id, { lookupEvents: { ...source!.lookupEvents!, pollIntervalSeconds } });
    await poll(admin, id); // The fetch that is under way goes by the interval that it found.
  }
  return id;
}

export async function statusOf(admin: GraphqlClient, id: string) {
  const { source } = await admin.run<{
    source: { status: { health: HealthStatus; lastError: string | null; remedy: string | null } };
  }>('query ($id: ID!) { source(id: $id) { status { health lastError remedy } } }', { id });
  return source.status;
}

/** Has the source polled at once. */
export const poll = (admin: GraphqlClient, id: string) =>
  admin.run('mutation ($id: ID!) { fetchNow(sourceId: $id) { id } }', { id });

/** Waits until so many events are stored in all. */
export const stored = (app: TestTrailGraph, count: number, withinMs?: number) =>
  eventually(
    async () => (await ledger(app).events.countDocuments()) === count,
    `${count} events are stored`,
    withinMs,
  );
