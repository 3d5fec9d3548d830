import { type ClassType, Field, Int, ObjectType } from 'type-graphql';
import { pageCursor, parsePageCursor } from '../domain/cursor';
import { Invalid } from '../domain/errors';
import type { Page, PageRequest } from '../store/page';

export const MAX_FIRST = 200;

@ObjectType({ description: 'Where a page stands in its list.' })
export class PageInfo {
  @Field(() => Boolean, { description: 'Whether there is more after this page.' })
  hasNextPage!: boolean;

  @Field(() => Boolean, { description: 'Whether there is more before this page.' })
  hasPreviousPage!: boolean;

  @Field(() => String, { nullable: true, description: 'Cursor of the first item.' })
  startCursor!: string | null;

  @Field(() => String, { nullable: true, description: 'Cursor of the last item.' })
  endCursor!: string | null;
}

/** A page as callers see it (Relay's connection). */
export interface Connection<T> {
  edges: { cursor: string; node: T }[];
  nodes: T[];
  pageInfo: PageInfo;
}

/** The edge and connection types of a node type. A `totalCount` is added by those lists that have one. */
export function connectionTypes<T extends object>(name: string, node: () => ClassType<T>) {
  @ObjectType(`${name}Edge`, { description: `An item of a page of ${name}, and its cursor.` })
  class Edge {
    @Field(() => String, { description: 'Give it as `after` or `before` to go on from here.' })
    cursor!: string;

    @Field(node, { description: 'The item.' })
    node!: T;
  }

  @ObjectType()
  abstract class ConnectionBase implements Connection<T> {
    @Field(() => [Edge], { description: 'The items with their cursors.' })
    edges!: Edge[];

    @Field(() => [node()], { description: 'The items.' })
    nodes!: T[];

    @Field(() => PageInfo, { description: 'Where this page stands.' })
    pageInfo!: PageInfo;
  }
  return { Edge, ConnectionBase };
}

/** A connection that counts all of its items. */
export function countedConnectionTypes<T extends object>(name: string, node: () => ClassType<T>) {
  const { Edge, ConnectionBase } = connectionTypes(name, node);

  @ObjectType()
  abstract class CountedBase extends ConnectionBase {
    @Field(() => Int, { description: 'How many items there are in all.' })
    totalCount!: number;
  }
  return { Edge, ConnectionBase: CountedBase };
}

/** What a store's page looks like to a caller. */
export function toConnection<S, T>(page: Page<S>, map: (item: S) => T): Connection<T> {
  const edges = page.items.map(({ key, item }) => ({ cursor: pageCursor(key), node: map(item) }));
  return {
    edges,
    nodes: edges.map((edge) => edge.node),
    pageInfo: {
      hasNextPage: page.hasNext,
      hasPreviousPage: page.hasPrevious,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}

/** @throws Invalid naming the argument that is out of bounds */
export function pageRequest(args: {
  first?: number | null;
  after?: string | null;
  last?: number | null;
  before?: string | null;
}): PageRequest {
  const backwards = args.last !== null && args.last !== undefined;
  const limit = backwards ? args.last! : (args.first ?? 50);
  if (limit < 1 || limit > MAX_FIRST) {
    const name = backwards ? 'last' : 'first';
    throw new Invalid(`\`${name}\` must lie between 1 and ${MAX_FIRST}.`, [
      { path: [name], message: `must lie between 1 and ${MAX_FIRST}` },
    ]);
  }
  return {
    limit,
    after: args.after ? parsePageCursor(args.after, ['after']) : null,
    before: args.before ? parsePageCursor(args.before, ['before']) : null,
    fromEnd: backwards,
  };
}

/** Where totalCount stops counting, unless a caller says otherwise. */
export const COUNT_LIMIT = 10_000;
const MAX_COUNT_LIMIT = 1_000_000;

/** @throws Invalid where the caller's limit of counting is out of bounds */
export function countLimit(given: number | null): number {
  const limit = given ?? COUNT_LIMIT;
  if (limit < 1 || limit > MAX_COUNT_LIMIT) {
    throw new Invalid(`\`limit\` must lie between 1 and ${MAX_COUNT_LIMIT}.`, [
      { path: ['limit'], message: 'out of bounds' },
    ]);
  }
  return limit;
}
