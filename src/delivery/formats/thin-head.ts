import type { BodyEvent } from './body-format';

/** Fields of the record that a thin event still tells. */
const TOLD = ['eventID', 'eventTime', 'eventName', 'eventSource', 'awsRegion', 'recipientAccountId'] as const;
const MAX_TOLD_LENGTH = 1_024;

/** What is left of an event that is too big for a body: by `id` the API gives it in full. */
export function thinHead({ id, recordText }: BodyEvent): Record<string, unknown> {
  const record = JSON.parse(recordText) as Record<string, unknown>;
  const told = TOLD.map((name) => [name, record[name]] as const).filter(
    ([, value]) => typeof value === 'string' && value.length <= MAX_TOLD_LENGTH,
  );
  return { id, thin: true, bytes: Buffer.byteLength(recordText), ...Object.fromEntries(told) };
}
