import type { FetchedPage, FetchNote } from '../../domain/fetched';
import type { AwsFault } from '../aws/aws-fault';
import { faultError } from './lookup-fault';

type Checkpoint = NonNullable<FetchedPage['checkpoint']>;

/**
 * How a Region of an account fared: `off` is not switched on there, `late` is throttled and may be so for a while. A
 * fault that has an `off` is no fault where other Regions answer: then that checkpoint is to be kept.
 */
export type Outcome = { is: 'ok' | 'off' | 'late' } | { is: 'fault'; fault: AwsFault; off?: Checkpoint };

const NAMED = 5;
const WAIT = 'It is asked again at every poll; what is missing is read as soon as it answers.';

/** How the accounts and Regions of a source fared in one fetch. */
export class Outcomes {
  private readonly told = new Map<string, Outcome>();

  tell(partition: string, outcome: Outcome): void {
    this.told.set(partition, outcome);
  }

  /** Has the Regions that are not switched on left alone for a while, where others show that the keys are good. */
  switchedOff(): Checkpoint[] {
    const checkpoints: Checkpoint[] = [];
    for (const [partition, outcome] of this.told) {
      if (outcome.is !== 'fault' || !outcome.off || !this.worksFor(partition)) continue;
      this.told.set(partition, { is: 'off' });
      checkpoints.push(outcome.off);
    }
    return checkpoints;
  }

  /** Whether it may be that the keys have had their day. */
  get anyAccessFault(): boolean {
    return this.faults().some(([, { kind }]) => kind === 'access');
  }

  /**
   * @returns a note where some Regions could not be read
   * @throws Permanent or Retryable with a remedy where none could
   */
  note(): FetchNote | null {
    const faults = this.faults();
    const [first] = faults;
    if (!first) return null;
    const [name, fault] = first;
    const goesOn = [...this.told.values()].some(({ is }) => is === 'ok' || is === 'late');
    if (!goesOn) throw faultError({ ...fault, message: `LookupEvents in ${name}: ${fault.message}` });
    const names = faults.slice(0, NAMED).map(([partition]) => partition);
    const more = faults.length > NAMED ? ` and ${faults.length - NAMED} more` : '';
    return {
      warning: `LookupEvents fails in ${names.join(', ')}${more}: ${fault.message}`,
      remedy: fault.remedy ?? WAIT,
    };
  }

  private worksFor(partition: string): boolean {
    const account = `${partition.split('/')[0]}/`;
    return [...this.told].some(([name, { is }]) => name.startsWith(account) && is === 'ok');
  }

  private faults(): [string, AwsFault][] {
    return [...this.told].flatMap(([partition, outcome]): [string, AwsFault][] =>
      outcome.is === 'fault' ? [[partition, outcome.fault]] : [],
    );
  }
}
