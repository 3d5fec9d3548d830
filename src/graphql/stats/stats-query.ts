import type { Counts, Need } from '../../domain/stats/counts';
import type { StatsReader, StatsScope } from './stats-reader';

interface Asked {
  need: Need;
  resolve: (counts: Counts) => void;
  reject: (error: unknown) => void;
}

/** One caller's statistics: what its fields ask for in one turn is read at once, so that they agree. */
export class StatsQuery {
  private asked: Asked[] = [];

  constructor(
    private readonly reader: StatsReader,
    readonly scope: StatsScope,
  ) {}

  ask(need: Need): Promise<Counts> {
    return new Promise((resolve, reject) => {
      this.asked.push({ need, resolve, reject });
      if (this.asked.length === 1) setImmediate(() => void this.answer());
    });
  }

  private async answer(): Promise<void> {
    const asked = this.asked;
    this.asked = [];
    const needs = new Map(asked.map(({ need }) => [keyOf(need), need]));
    const counted = await this.reader.count(this.scope, [...needs.values()]).catch((error: unknown) => {
      for (const { reject } of asked) reject(error);
      return null;
    });
    if (!counted) return;
    const byNeed = new Map([...needs.keys()].map((key, index) => [key, counted[index]!]));
    for (const { need, resolve, reject } of asked) {
      const result = byNeed.get(keyOf(need))!;
      if (result.status === 'fulfilled') resolve(result.value);
      else reject(result.reason);
    }
  }
}

const keyOf = ({ dimension, buckets }: Need): string => `${dimension} ${buckets?.stepMs} ${buckets?.start}`;
