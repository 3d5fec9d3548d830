import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CriticalityLevel, diff } from '@graphql-inspector/core';
import { buildSchema } from 'graphql';

const SCHEMA = join(__dirname, '../schema');

/** What a client of the one schema would stumble over in the other. */
async function breaking(released: string, now: string): Promise<string[]> {
  const changes = await diff(buildSchema(released), buildSchema(now));
  return changes
    .filter(({ criticality }) => criticality.level === CriticalityLevel.Breaking)
    .map(({ message }) => message);
}

test('the schema breaks no client of the last release: else see "The API over releases" in docs/architecture.md', async () => {
  const [released, now] = ['released.graphql', 'schema.graphql'].map((name) =>
    readFileSync(join(SCHEMA, name), 'utf8'),
  );
  expect(await breaking(released!, now!)).toEqual([]);
});

test('what breaks a client is found, and what does not is let pass', async () => {
  const released = `
    type Query { event(id: ID!): Event old: Int names: [String!]! }
    type Event { id: ID! name: String! at(zone: String): String }
    enum Kind { A B }
    input Filter { kind: Kind }
    type Mutation { find(filter: Filter): Event }`;
  const now = `
    type Query { event(id: ID!, source: ID!): Event names: [String!] added: Int }
    type Event { id: ID! name: String at(zone: String, in: String): String "new" size: Int }
    enum Kind { A C }
    input Filter { kind: Kind since: String! until: String }
    type Mutation { find(filter: Filter): Event }`;
  expect((await breaking(released, now)).sort()).toEqual([
    "Argument 'source: ID!' added to field 'Query.event'",
    "Enum value 'B' was removed from enum 'Kind'",
    "Field 'Event.name' changed type from 'String!' to 'String'",
    "Field 'Query.names' changed type from '[String!]!' to '[String!]'",
    "Field 'old' was removed from object type 'Query'",
    "Input field 'since' of type 'String!' was added to input object type 'Filter'",
  ]);
});
