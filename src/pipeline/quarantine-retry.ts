import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { PartResult } from '../domain/batch';
import { Conflict, Invalid, Unavailable } from '../domain/errors';
import { MAX_RECORD_BYTES, NotATrailFile, RecordSplitter } from '../domain/records/splitter';
import { addCounts, NO_COUNTS, type Source } from '../domain/source';
import type { BatchStore } from '../store/batches';
import type { QuarantinedRecord, QuarantineHead, QuarantineStore } from '../store/quarantine';
import type { SourceStore } from '../store/sources';
import type { SettlementWatch } from './settlement-watch';

export interface QuarantineRetryParts {
  quarantine: QuarantineStore;
  sources: SourceStore;
  batches: BatchStore;
  settlements: SettlementWatch;
  /** Tells the workers of new batches. */
  hint: (batchIds: string[]) => Promise<void>;
}

/** Ids that may be named at once. */
export const MAX_IDS = 1_000;
/** Text of one batch: what one slice holds. */
const BATCH_BYTES = 4 * 1024 * 1024;
/** A caller hears within this; what takes longer goes on without him. */
const ANSWER_MS = 20_000;
const INCOMPLETE = 'its text is not kept whole: have its batch tried again (retryBatch)';
const NO_RECORD = 'its text is not one record: have its batch tried again (retryBatch)';

const gzipAsync = promisify(gzip);

/** Texts that go into one batch. */
interface Packing {
  source: Source;
  silent: boolean;
  entries: string[];
  texts: Buffer[];
  bytes: number;
}

/** One retry: where each id stands in what was asked for, and what became of it. */
class Outcome {
  readonly result: PartResult = { ...NO_COUNTS, rejections: [] };
  private readonly places: Map<string, number>;

  constructor(ids: string[]) {
    // From the end, so that the first place of an id stands.
    this.places = new Map(ids.map((id, index): [string, number] => [id, index]).reverse());
  }

  add(result: PartResult, entries: string[]): void {
    Object.assign(this.result, addCounts(this.result, result));
    for (const { index, reason } of result.rejections) this.tell(entries[index]!, reason);
  }

  reject(id: string, reason: string): void {
    Object.assign(this.result, addCounts(this.result, { ...NO_COUNTS, received: 1, rejected: 1 }));
    this.tell(id, reason);
  }

  done(): PartResult {
    this.result.rejections.sort((a, b) => a.index - b.index);
    return this.result;
  }

  private tell(id: string, reason: string): void {
    this.result.rejections.push({ index: this.places.get(id)!, reason });
  }
}

/**
 * Takes quarantined records to their sources once more, through the ledger like everything else: the worker that
 * stores them takes their entries away, and writes the newest reason to those that it rejects again.
 */
export class QuarantineRetry {
  constructor(private readonly parts: QuarantineRetryParts) {}

  /**
   * @param ids at most 1,000; one that is named twice counts once, at its first place
   * @returns the counts; `index` of a rejection is the place of its id
   * @throws Invalid naming the ids that are unknown, Conflict where a source is paused or deleted, Unavailable where
   * the records are not stored in time: the retry goes on, and entries that are stored disappear
   */
  async retry(given: string[]): Promise<PartResult> {
    const ids = [...new Set(given)];
    if (ids.length > MAX_IDS) throw tooMany();
    const heads = await this.parts.quarantine.heads(ids);
    requireAll(given, heads);
    const sources = await this.sourcesOf([...heads.values()]);
    const outcome = new Outcome(given);
    const deadline = performance.now() + ANSWER_MS;
    const waiting: Promise<void>[] = [];
    let failure: unknown = null;
    for await (const packing of this.packings(ids, heads, sources, outcome)) {
      const stored = this.store(packing, deadline).then((result) => outcome.add(result, packing.entries));
      waiting.push(
        stored.catch((error: unknown) => {
          failure ??= error;
        }),
      );
    }
    await Promise.all(waiting);
    if (failure) throw failure;
    return outcome.done();
  }

  private async sourcesOf(heads: QuarantineHead[]): Promise<Map<string, Source>> {
    const ids = [...new Set(heads.map(({ sourceId }) => sourceId))];
    const found = new Map((await this.parts.sources.many(ids)).map((source) => [source._id, source]));
    for (const id of ids) {
      const source = found.get(id);
      if (!source)
        throw new Conflict(`The source ${id} was deleted: what it could not keep stays in quarantine.`);
      if (source.state === 'PAUSED') throw new Conflict(`The source ${id} is paused: resume it first.`);
    }
    return found;
  }

  /** The texts by source, each pack small enough for one batch. */
  private async *packings(
    ids: string[],
    heads: Map<string, QuarantineHead>,
    sources: Map<string, Source>,
    outcome: Outcome,
  ): AsyncGenerator<Packing> {
    const sorted = ids.toSorted((a, b) => (targetOf(heads.get(a)!) < targetOf(heads.get(b)!) ? -1 : 1));
    let packing: Packing | null = null;
    for await (const entry of this.parts.quarantine.withTexts(sorted)) {
      const text = Buffer.from(entry.text);
      const fault = faultOf(entry, text);
      if (fault) {
        outcome.reject(entry._id, fault);
        continue;
      }
      const silent = entry.silent === true;
      const fits =
        packing?.source._id === entry.sourceId &&
        packing.silent === silent &&
        packing.bytes + text.length <= BATCH_BYTES;
      if (packing && !fits) yield packing;
      if (!packing || !fits)
        packing = { source: sources.get(entry.sourceId)!, silent, entries: [], texts: [], bytes: 0 };
      packing.entries.push(entry._id);
      packing.texts.push(text);
      packing.bytes += text.length;
    }
    if (packing) yield packing;
  }

  private async store({ source, silent, entries, texts }: Packing, deadline: number): Promise<PartResult> {
    const { batches, settlements, hint } = this.parts;
    const id = `push_${randomUUID().replaceAll('-', '')}`;
    await batches.add([
      {
        _id: id,
        sourceId: source._id,
        sourceKind: source.kind,
        reference: `retried from quarantine ${new Date().toISOString()}`,
        payload: await gzipAsync(trailFile(texts), { level: 1 }),
        parts: [texts.length],
        entries,
        ...(silent ? { silent: true as const } : {}),
      },
    ]);
    void hint([id]); // Not waited for: workers look into the ledger themselves.
    const batch = await settlements.settled(id, Math.max(0, deadline - performance.now()));
    const [result] = batch.partResults ?? [];
    if (batch.state !== 'DONE' || !result)
      throw new Unavailable(`The records were not stored: ${batch.error ?? batch.state}`);
    return result;
  }
}

/** What goes into one batch: records of one source, silent or not. */
function targetOf({ sourceId, silent }: QuarantineHead): string {
  return `${sourceId} ${silent === true}`;
}

function requireAll(ids: string[], heads: Map<string, QuarantineHead>): void {
  const fields = ids.flatMap((id, index) =>
    heads.has(id)
      ? []
      : [{ path: ['ids', index], message: `there is no quarantined record ${id.slice(0, 200)}` }],
  );
  if (fields.length > 0)
    throw new Invalid(`${fields.length} of the ids are unknown: ${fields[0]!.message}.`, fields);
}

function tooMany(): Invalid {
  const message = `must name at most ${MAX_IDS} records`;
  return new Invalid(`\`ids\` ${message}.`, [{ path: ['ids'], message }]);
}

/** Why a kept text can't be taken for the record that it was; null where it can. */
function faultOf({ text: kept }: QuarantinedRecord, text: Buffer): string | null {
  // A text that was cut is as long as it may be; bytes that are no UTF-8 were kept as U+FFFD.
  if (text.length >= MAX_RECORD_BYTES || kept.includes('\ufffd')) return INCOMPLETE;
  const splitter = new RecordSplitter();
  try {
    const records = splitter.push(trailFile([text]));
    splitter.end();
    return records.length === 1 && records[0]!.length === text.length ? null : NO_RECORD;
  } catch (error) {
    if (error instanceof NotATrailFile) return NO_RECORD;
    throw error;
  }
}

function trailFile(texts: Buffer[]): Buffer {
  const comma = Buffer.from(',');
  const joined = texts.flatMap((text, index) => (index === 0 ? [text] : [comma, text]));
  return Buffer.concat([Buffer.from('{"Records":['), ...joined, Buffer.from(']}')]);
}
