import { type ExecutionResult, execute } from 'graphql';
import type { StreamPosition } from '../../domain/commit';
import type { LiveEvent } from '../../graphql/events/event-subscription';
import { toEvent } from '../../graphql/events/types';
import type { Asked } from './asked';
import type { GroupEvent } from './group';
import type { RenderedTexts } from './rendered-texts';

export type RenderedEvents = AsyncIterableIterator<GroupEvent>;

/** What is done with each execution. */
export interface Rendering {
  /** Makes of a result with errors what its receivers may see. */
  present(result: ExecutionResult, requestId: string): ExecutionResult;
  /** An event was executed once, for one subscriber or for many. */
  executed(): void;
  /** The answers of all groups. */
  texts: RenderedTexts;
}

/**
 * The events that a subscription asks for, after a place or from now on, each to be rendered when it is wanted.
 * @throws as `EventSubscriptions.matching`
 */
export async function renderedEvents(
  { args, context, filter, after, answer }: Asked,
  from: StreamPosition | 'cursor' | 'now',
  rendering: Rendering,
): Promise<RenderedEvents> {
  const source = await context.subscriptions.events.matching(
    { filter, after: from === 'cursor' ? after : null },
    context.caller,
    typeof from === 'object' ? from : null,
  );
  const render = async ({ event, position }: LiveEvent): Promise<string> => {
    const result = await execute({ ...args, rootValue: toEvent(event, position) });
    rendering.executed();
    return JSON.stringify(result.errors ? rendering.present(result, context.requestId) : result);
  };
  // By hand, since the `return` of a generator would wait for the event that its `next` waits for.
  const rendered: RenderedEvents = {
    next: async () => {
      const { done, value } = await source.next();
      if (done) return { done: true, value: undefined };
      const at: StreamPosition = value.position;
      const key = `${answer} ${at.n}.${at.pos}`;
      return { done: false, value: { at, render: () => rendering.texts.of(key, () => render(value)) } };
    },
    return: async () => {
      await source.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => rendered,
  };
  return rendered;
}
