import { type AnswerDescription, type JsonSchema, jsonAnswer, objectOf } from '../route-description';

const BASE = { error: { type: 'boolean' }, message: { type: 'string' } };
const WITHOUT_DATA = objectOf(BASE);

/** The envelope with this `data`. */
export function envelopeOf(data: JsonSchema): JsonSchema {
  return objectOf({ ...BASE, data });
}

/** Answers that carry no data, by status. */
export function answers(byStatus: Record<number, string>): Record<number, AnswerDescription> {
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, description]) => [status, jsonAnswer(description, WITHOUT_DATA)]),
  );
}

/** What every route that takes a body may answer. */
export const ANSWER_ONLY: Record<number, string> = {
  413: 'The body is too large.',
  415: 'A Content-Encoding that is not taken.',
  429: 'Too many requests: come again after Retry-After.',
  503: 'The server is busy or its database away: come again after Retry-After.',
};
