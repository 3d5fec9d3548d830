import { Arg, ID, Int } from 'type-graphql';
import { COUNT_LIMIT } from './connection';

type ArgumentDecorator = ReturnType<typeof Arg>;

/** The id of the thing that is asked for or changed. */
export const IdArg = (): ArgumentDecorator => Arg('id', () => ID, { description: 'Its id.' });

/** How many a page has, which `pageRequest` checks. */
export const FirstArg = (defaultValue: number): ArgumentDecorator =>
  Arg('first', () => Int, { nullable: true, defaultValue, description: 'At most 200.' });

/** Where a page begins, which `pageRequest` reads. */
export const AfterArg = (): ArgumentDecorator =>
  Arg('after', () => String, { nullable: true, description: 'Cursor of an edge.' });

/** How far a totalCount counts, which `countLimit` checks. */
export const CountLimitArg = (): ArgumentDecorator =>
  Arg('limit', () => Int, {
    nullable: true,
    defaultValue: COUNT_LIMIT,
    description: 'Where counting stops; at most 1,000,000.',
  });
