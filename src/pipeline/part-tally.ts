import type { PartResult } from '../domain/batch';
import { NO_COUNTS } from '../domain/source';
import type { SliceResult } from './slice-writer';

const MAX_REJECTIONS = 1_000;
const COUNTER = {
  stored: 'stored',
  duplicate: 'duplicates',
  dropped: 'dropped',
  rejected: 'rejected',
} as const;

/** Counts what became of the records of each body that was gathered into one batch. */
export class PartTally {
  private readonly parts: PartResult[];
  private readonly starts: number[] = [];

  /**
   * @param sizes number of records of each part, in order
   * @param each whether the outcome of each record is told as well
   */
  constructor(sizes: number[], each: boolean) {
    let start = 0;
    for (const size of sizes) {
      this.starts.push(start);
      start += size;
    }
    this.parts = sizes.map(() => ({ ...NO_COUNTS, rejections: [], ...(each ? { each: [] } : {}) }));
  }

  /** @param firstRecord index in the batch of the slice's first record */
  add(firstRecord: number, result: SliceResult): void {
    let part = this.partOf(firstRecord);
    for (const [offset, outcome] of result.outcomes.entries()) {
      while (part + 1 < this.parts.length && firstRecord + offset >= this.starts[part + 1]!) part++;
      const tally = this.parts[part]!;
      tally.received++;
      tally[COUNTER[outcome]]++;
      // By place: slices may end in another order than they began.
      if (tally.each)
        tally.each[firstRecord + offset - this.starts[part]!] = {
          outcome,
          id: result.eventIds[offset] ?? null,
        };
    }
    for (const { index, reason } of result.rejections) {
      const at = this.partOf(index);
      const { rejections, each } = this.parts[at]!;
      if (each || rejections.length < MAX_REJECTIONS)
        rejections.push({ index: index - this.starts[at]!, reason });
    }
  }

  results(): PartResult[] {
    for (const part of this.parts) part.rejections.sort((a, b) => a.index - b.index);
    return this.parts;
  }

  private partOf(index: number): number {
    let part = this.starts.length - 1;
    while (part > 0 && (this.starts[part]! > index || this.parts.length <= part)) part--;
    return part;
  }
}
