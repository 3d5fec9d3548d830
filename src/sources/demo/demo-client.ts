import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { NewBatch } from '../../domain/batch';
import type { DemoConfig, Source } from '../../domain/source';
import { nextDemoPage } from './demo-source';

export interface DemoFetch {
  source: Source;
  checkpoint: (partition: string) => Promise<Record<string, unknown> | null>;
  now: Date;
  signal: AbortSignal;
}

const PARTITION = 'demo';
const RECORDS_A_BATCH = 1_000;
const POLL_MS = 1_000;
/** A demo that was switched off for longer goes on as if the time before had been quiet. */
const CATCH_UP_MS = 3_600_000;

const gzipAsync = promisify(gzip);

/** Hands out the records of the demo that are due. Its position is in the checkpoint, so a restart repeats nothing. */
export class DemoClient {
  async *fetch({
    source,
    checkpoint,
    now,
    signal,
  }: DemoFetch): AsyncGenerator<
    { batches: NewBatch[]; checkpoint: { partition: string; cursor: Record<string, unknown> } },
    null
  > {
    const demo = source.demo;
    if (!demo) throw new Error('a DEMO source without its settings');
    let position = await this.position(demo, checkpoint, now);
    while (!signal.aborted) {
      const page = nextDemoPage({
        seed: demo.seed,
        sourceId: source._id,
        eventsPerSecond: demo.eventsPerSecond,
        startedAt: storyStart(demo),
        position,
        now,
        maxRecords: RECORDS_A_BATCH,
      });
      if (page.records.length === 0) return null;
      yield {
        batches: [await toBatch(source, page.records, position, page.position)],
        checkpoint: { partition: PARTITION, cursor: { position: page.position } },
      };
      position = page.position;
      if (page.records.length < RECORDS_A_BATCH) return null;
    }
    return null;
  }

  pollIntervalMs(): number {
    return POLL_MS;
  }

  private async position(demo: DemoConfig, checkpoint: DemoFetch['checkpoint'], now: Date): Promise<number> {
    const kept = await checkpoint(PARTITION);
    const position = Math.max(demo.firstRecord, typeof kept?.position === 'number' ? kept.position : 0);
    const oldest = Math.floor(
      ((now.getTime() - CATCH_UP_MS - storyStart(demo).getTime()) / 1_000) * demo.eventsPerSecond,
    );
    return Math.max(position, oldest);
  }
}

/** When record 0 would have been due, so that `firstRecord` is due at `startedAt`. */
function storyStart(demo: DemoConfig): Date {
  return new Date(demo.startedAt.getTime() - (demo.firstRecord * 1_000) / demo.eventsPerSecond);
}

/** The id names the records: the same page is the same batch, and a longer one is another whose records are known. */
async function toBatch(source: Source, records: object[], from: number, to: number): Promise<NewBatch> {
  return {
    _id: `demo_${source._id}_${source.demo!.seed}_${from}_${to}`,
    sourceId: source._id,
    sourceKind: 'DEMO',
    reference: `demo records ${from} to ${to - 1}`,
    payload: await gzipAsync(JSON.stringify({ Records: records }), { level: 1 }),
  };
}
