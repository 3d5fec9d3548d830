import type { DeliveryFilter } from './replay';
import type { Delivery } from './webhook';

/**
 * What a DeliveryFilter means, in the terms that both of its evaluators know: `deliveryMatcher` for deliveries in hand
 * and the store's query. All conditions must hold; of a list of values, one must.
 */
export type DeliveryCondition =
  | { path: 'webhookId' | 'state' | 'eventIds'; anyOf: readonly string[] }
  /** From inclusive, to exclusive. */
  | { path: 'createdAt'; from: Date | null; to: Date | null };

/** The conditions of a filter; none where it constrains nothing. */
export function deliveryConditions(filter: DeliveryFilter): DeliveryCondition[] {
  const conditions: DeliveryCondition[] = [];
  const oneOf = (path: 'webhookId' | 'state' | 'eventIds', anyOf?: readonly string[] | null): void => {
    if (anyOf?.length) conditions.push({ path, anyOf });
  };
  oneOf('webhookId', filter.webhookIds);
  oneOf('state', filter.states);
  oneOf('eventIds', filter.eventIds);
  if (filter.from || filter.to)
    conditions.push({ path: 'createdAt', from: filter.from ?? null, to: filter.to ?? null });
  return conditions;
}

type Matched = Pick<Delivery, 'webhookId' | 'state' | 'eventIds' | 'createdAt'>;

/** Tells whether a delivery matches, as often as it is asked. */
export function deliveryMatcher(filter: DeliveryFilter): (delivery: Matched) => boolean {
  const tests = deliveryConditions(filter).map((condition): ((delivery: Matched) => boolean) => {
    if (condition.path === 'createdAt') {
      const { from, to } = condition;
      return ({ createdAt }) => (!from || createdAt >= from) && (!to || createdAt < to);
    }
    const { path } = condition;
    const wanted = new Set(condition.anyOf);
    return (delivery) =>
      path === 'eventIds' ? delivery.eventIds.some((id) => wanted.has(id)) : wanted.has(delivery[path]);
  });
  return (delivery) => tests.every((test) => test(delivery));
}
