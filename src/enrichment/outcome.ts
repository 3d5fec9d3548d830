import type { CloudTrailRecord, Outcome } from '../domain/event';
import { asObject } from './fields';

/**
 * FAILURE where errorCode or errorMessage says something, and for a sign-in whose response says so:
 * `responseElements: { ConsoleLogin: 'Failure' }` comes with an errorMessage at most times, not always.
 */
export function outcomeOf(record: CloudTrailRecord): Outcome {
  if (says(record.errorCode) || says(record.errorMessage)) return 'FAILURE';
  if (record.eventName === 'ConsoleLogin' && asObject(record.responseElements)?.ConsoleLogin === 'Failure') {
    return 'FAILURE';
  }
  return 'SUCCESS';
}

function says(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '' && value !== false;
}
