import { hash } from 'node:crypto';
import { uuidOf } from './prng';

/** Which record of which source. */
export interface DemoInput {
  seed: number;
  sourceId: string;
  n: number;
  eventTime: Date;
}

/**
 * The UUID for one purpose of record n of a source: 122 bits of a SHA-256, so that no two of them meet, be they of one
 * source or of two.
 */
export function eventId(input: DemoInput, purpose: 'event' | 'shared' | 'insight'): string {
  return uuidOf(hash('sha256', `${purpose}\n${input.sourceId}\n${input.seed}\n${input.n}`, 'hex'));
}
