import {
  type Backfill,
  type BackfillState,
  type BackfillStatus,
  fractionDone,
  newBackfillId,
  noPastOf,
} from '../../domain/backfill';
import { Conflict, type FieldFault, Invalid, NotFound } from '../../domain/errors';
import type { BackfillStore } from '../../store/backfills';
import type { SourceStore } from '../../store/sources';
import type { StartBackfillInput } from './types';

export interface BackfillAdminParts {
  backfills: BackfillStore;
  sources: SourceStore;
  now: () => Date;
  /** Tells the workers that a backfill is due. */
  hint: (backfillId: string) => Promise<void>;
}

/** Of one source, running or paused. */
const MOST_OPEN = 20;

/** Starts backfills and changes their course. */
export class BackfillAdmin {
  constructor(private readonly parts: BackfillAdminParts) {}

  /** @throws Invalid for a range that is none or a source without a past; NotFound; Conflict where too many are open */
  async start({ sourceId, from, to, deliver }: StartBackfillInput): Promise<BackfillStatus> {
    const { sources, backfills, now } = this.parts;
    const source = await sources.get(sourceId);
    if (!source) throw new NotFound(`There is no source ${sourceId}.`);
    const noPast = noPastOf(source.kind);
    if (noPast) {
      throw new Invalid(`A source of kind ${source.kind} can not be backfilled: ${noPast}.`, [
        { path: ['input', 'sourceId'], message: noPast },
      ]);
    }
    const present = now();
    const faults = rangeFaults(from, to, present);
    if (faults.length > 0) throw new Invalid(`The range is not valid: ${faults[0]!.message}.`, faults);
    if ((await backfills.openCount(sourceId)) >= MOST_OPEN) {
      throw new Conflict(
        `The source has ${MOST_OPEN} backfills that are not done: wait for them, or cancel some.`,
      );
    }
    const backfill = await backfills.create({
      _id: newBackfillId(),
      sourceId,
      sourceKind: source.kind,
      epoch: source.epoch,
      from,
      to: to < present ? to : present,
      deliver: deliver === true,
    });
    await this.parts.hint(backfill._id);
    return this.status(backfill);
  }

  pause(id: string): Promise<BackfillStatus> {
    return this.change(id, ['RUNNING'], 'PAUSED');
  }

  /** Also one that failed: it goes on where it was. */
  async resume(id: string): Promise<BackfillStatus> {
    return this.change(id, ['PAUSED', 'FAILED'], 'RUNNING');
  }

  cancel(id: string): Promise<BackfillStatus> {
    return this.change(id, ['RUNNING', 'PAUSED', 'FAILED'], 'CANCELLED');
  }

  /** @throws NotFound */
  async get(id: string): Promise<Backfill> {
    const backfill = await this.parts.backfills.get(id);
    if (!backfill) throw new NotFound(`There is no backfill ${id}.`);
    return backfill;
  }

  /** What is so already stays so. @throws Conflict where it can't become so */
  private async change(
    id: string,
    from: BackfillState[],
    state: 'RUNNING' | 'PAUSED' | 'CANCELLED',
  ): Promise<BackfillStatus> {
    const before = await this.get(id);
    if (before.state === state) return this.status(before);
    const now = this.parts.now();
    const changed = await this.parts.backfills.change(id, from, {
      state,
      doneAt: state === 'CANCELLED' ? now : null,
      ...(state === 'RUNNING' ? await this.anew(before, now) : {}),
    });
    if (!changed) {
      const { state: is } = await this.get(id);
      if (is === state) return this.status(await this.get(id));
      throw new Conflict(`The backfill is ${is}: it can not become ${state}.`);
    }
    await this.parts.hint(id);
    return this.status(changed);
  }

  private async anew(backfill: Backfill, at: Date): Promise<Pick<Backfill, 'error' | 'remedy' | 'paceFrom'>> {
    const fraction = fractionDone(await this.status(backfill));
    return { error: null, remedy: null, paceFrom: { at, fraction } };
  }

  private async status(backfill: Backfill): Promise<BackfillStatus> {
    const [status] = await this.parts.backfills.statuses([backfill]);
    return status!;
  }
}

function rangeFaults(from: Date, to: Date, now: Date): FieldFault[] {
  const faults: FieldFault[] = [];
  if (from >= to) faults.push({ path: ['input', 'to'], message: '`to` must be later than `from`' });
  if (from >= now) faults.push({ path: ['input', 'from'], message: '`from` lies in the future' });
  return faults;
}
