import { serverAudits } from 'graphql-http';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

/** What is no error but a choice: what a page could send unasked is refused, and what can't run is told by its status. */
const DELIBERATE: Readonly<Record<string, 'notice' | 'warn'>> = {
  '5A70': 'notice', // MAY accept application/x-www-form-urlencoded formatted GET requests
  D6D5: 'notice', // MAY allow URL-encoded JSON string {variables} parameter in GETs
  '6A70': 'notice',
  '572B': 'warn', // SHOULD use 200 status code on document parsing failure when accepting application/json
  FDE2: 'warn', // ... on document validation failure
  '7B9B': 'warn', // ... on variable coercion failure
};

describe('the audits of graphql-http (GraphQL over HTTP)', () => {
  let app: TestTrailGraph;
  beforeAll(async () => {
    app = await startTrailGraph();
  });
  afterAll(() => app.stop());

  const audits = serverAudits({ url: () => `${app.url}/graphql`, fetchFn: fetch });

  test('are those that are known', () => {
    expect(audits.length).toBeGreaterThan(50);
  });

  test.each(audits.map((audit) => [audit.id, audit.name, audit] as const))('%s: %s', async (id, _, audit) => {
    const { status } = await audit.fn();
    expect(status).toBe(DELIBERATE[id] ?? 'ok');
  });
});
