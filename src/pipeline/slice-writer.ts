import type { Batch, RecordOutcome } from '../domain/batch';
import type { Commit } from '../domain/commit';
import { type CloudTrailRecord, type Enrichment, SLICE_STRIDE, type StoredEvent } from '../domain/event';
import type { Matcher } from '../domain/matcher';
import { type ParsedRecord, readRecord } from '../domain/records/record';
import { toStoredEvent } from '../domain/records/stored-event';
import type { CommitStore } from '../store/commits';
import type { EventStore, Owner } from '../store/events';
import type { QuarantinedRecord, QuarantineStore } from '../store/quarantine';
import type { Slice } from './batch-reader';
import type { CrashHook } from './crash-points';
import { commitLate } from './late-slice';

/** What enrichment does for one record; never throws. */
export interface Enricher {
  enrich(record: CloudTrailRecord): { enrichment: Enrichment; address: Uint8Array | null };
}

export interface SliceWriterParts {
  events: EventStore;
  commits: CommitStore;
  quarantine: QuarantineStore;
  enricher: Enricher;
  now: () => Date;
  crash: CrashHook;
}

/** What became of a slice. */
export interface SliceResult {
  commit: Commit;
  /** False where an earlier try had committed it. */
  appended: boolean;
  /** The stored events in order, where all of them are in hand; null where an earlier try stored some. */
  events: StoredEvent[] | null;
  outcomes: RecordOutcome[];
  /** The id of each record's event; null where it was rejected. */
  eventIds: (string | null)[];
  rejections: { index: number; reason: string }[];
}

interface Candidate {
  index: number;
  pos: number;
  parsed: ParsedRecord;
}

/**
 * Stores a slice once and commits it. Each step finds what an earlier try of the same run did, so it may be called
 * again after a failure or a crash at any line, with the same end.
 */
export class SliceWriter {
  /** Whether the last slice was mostly known: then looking first is cheaper than failing inserts. */
  private expectKnown = false;

  constructor(
    private readonly parts: SliceWriterParts,
    private readonly batch: Batch,
    private readonly drops: Matcher | null,
  ) {}

  async write(slice: Slice): Promise<SliceResult> {
    const { outcomes, eventIds, candidates, rejected } = this.read(slice);
    const early = await this.lookFirst(candidates);
    const fresh = candidates.filter((candidate) => !early.has(candidate.parsed.id));
    const documents = this.enrich(fresh, outcomes);
    const there = await this.parts.events.insert(documents);
    await this.keep(rejected);
    this.parts.crash('events-inserted');
    const inserted = documents.filter((event) => !there.has(event._id));
    const owners = await this.withLate(early, there);
    const taken = await this.takeOver(candidates, owners, outcomes);
    const { ours, stored } = this.ownedEarlier(candidates, owners);
    for (const candidate of stored) outcomes[candidate.index] = 'stored';
    for (const event of inserted) outcomes[event.pos % SLICE_STRIDE] = 'stored';
    this.expectKnown = inserted.length + ours.length < candidates.length / 2;
    const earlier = [...ours, ...taken];
    const ids = [
      ...inserted.map((event) => ({ id: event._id, pos: event.pos })),
      ...earlier.map(({ parsed, pos }) => ({ id: parsed.id, pos })),
    ].sort((a, b) => a.pos - b.pos);
    const { commit, appended } = await this.commit(
      slice,
      ids.map(({ id }) => id),
      outcomes,
    );
    if (!appended) await commitLate(this.parts, this.batch, ids, commit);
    await this.clear(slice, outcomes);
    return {
      commit,
      appended,
      events: earlier.length === 0 && appended ? inserted : null,
      outcomes,
      eventIds,
      rejections: rejected.map(({ position, reason }) => ({ index: position, reason })),
    };
  }

  /** Parses the records. What is the same as an earlier record of the slice is a duplicate of it. */
  private read(slice: Slice): {
    outcomes: RecordOutcome[];
    eventIds: (string | null)[];
    candidates: Candidate[];
    rejected: QuarantinedRecord[];
  } {
    const outcomes: RecordOutcome[] = [];
    const eventIds: (string | null)[] = [];
    const candidates: Candidate[] = [];
    const rejected: QuarantinedRecord[] = [];
    const seen = new Set<string>();
    for (const [index, raw] of slice.records.entries()) {
      const result = readRecord(raw);
      eventIds.push('ok' in result ? result.ok.id : null);
      if ('rejected' in result) {
        outcomes.push('rejected');
        rejected.push(this.quarantined(slice.firstRecord + index, result.rejected));
        continue;
      }
      outcomes.push('duplicate');
      if (seen.has(result.ok.id)) continue;
      seen.add(result.ok.id);
      candidates.push({ index, pos: slice.index * SLICE_STRIDE + index, parsed: result.ok });
    }
    return { outcomes, eventIds, candidates, rejected };
  }

  private quarantined(
    position: number,
    { reason, text }: { reason: string; text: string },
  ): QuarantinedRecord {
    return {
      _id: this.batch.entries?.[position] ?? `${this.batch._id}:${position}`,
      ...(this.batch.silent ? { silent: true as const } : {}),
      sourceId: this.batch.sourceId,
      batchId: this.batch._id,
      position,
      reason,
      text,
      createdAt: this.parts.now(),
    };
  }

  /** What is rejected once more keeps its one entry, with the newest reason. */
  private async keep(rejected: QuarantinedRecord[]): Promise<void> {
    const { quarantine } = this.parts;
    if (this.batch.entries) await quarantine.renew(rejected);
    else if (this.batch.retries) await quarantine.replace(rejected);
    else await quarantine.add(rejected);
  }

  /** Where records are tried again, those that are no longer rejected leave quarantine, once that is committed. */
  private async clear(slice: Slice, outcomes: RecordOutcome[]): Promise<void> {
    const { entries, retries, _id: batchId } = this.batch;
    if (!entries && !retries) return;
    const kept = outcomes.flatMap((outcome, index) =>
      outcome === 'rejected' ? [] : [slice.firstRecord + index],
    );
    if (entries) await this.parts.quarantine.remove(kept.flatMap((position) => entries[position] ?? []));
    else await this.parts.quarantine.removePositions(batchId, kept);
  }

  private async lookFirst(candidates: Candidate[]): Promise<Map<string, Owner>> {
    if (this.batch.attempts <= 1 && !this.expectKnown) return new Map();
    return this.parts.events.owners(candidates.map(({ parsed }) => parsed.id));
  }

  /**
   * Who stored what was there when we inserted, unlooked for: perhaps this very run, in a worker that lost its lease
   * without noticing. Counted as duplicates, its events would never be committed.
   */
  private async withLate(owners: Map<string, Owner>, there: Set<string>): Promise<Map<string, Owner>> {
    return there.size === 0 ? owners : new Map([...owners, ...(await this.parts.events.owners([...there]))]);
  }

  /**
   * Events that an earlier try of this run stored or took over at the same place: `ours` are to be heard of by its
   * commit, `stored` are counted by it. One that it stored silently and a live run took over since counts here, where
   * it was stored, and is heard of there.
   */
  private ownedEarlier(
    candidates: Candidate[],
    owners: Map<string, Owner>,
  ): { ours: Candidate[]; stored: Candidate[] } {
    const { run } = this.batch;
    const ours: Candidate[] = [];
    const stored: Candidate[] = [];
    for (const candidate of candidates) {
      const owner = owners.get(candidate.parsed.id);
      if (owner?.run === run && owner.pos === candidate.pos) {
        ours.push(candidate);
        if (owner.takenFrom === undefined) stored.push(candidate);
      } else if (owner?.takenFrom === run && owner.takenPos === candidate.pos) {
        stored.push(candidate);
      }
    }
    return { ours, stored };
  }

  /** Events that a silent backfill stored, met by a batch that is heard of: they are heard of with it. */
  private async takeOver(
    candidates: Candidate[],
    owners: Map<string, Owner>,
    outcomes: RecordOutcome[],
  ): Promise<Candidate[]> {
    if (this.batch.silent) return [];
    const silent = candidates.filter(({ parsed }) => owners.get(parsed.id)?.silent);
    const wanted = this.drops ? silent.filter((candidate) => !this.drop(candidate, outcomes)) : silent;
    if (wanted.length === 0) return [];
    const taken = await this.parts.events.takeOver(
      this.batch.run,
      wanted.map(({ parsed, pos }) => ({ owner: owners.get(parsed.id)!, pos })),
    );
    this.parts.crash('taken-over');
    return wanted.filter(({ parsed }) => taken.has(parsed.id));
  }

  private drop({ parsed, pos, index }: Candidate, outcomes: RecordOutcome[]): boolean {
    const dropped = this.drops?.(this.documentOf(parsed, pos, this.parts.now())) === true;
    if (dropped) outcomes[index] = 'dropped';
    return dropped;
  }

  private enrich(fresh: Candidate[], outcomes: RecordOutcome[]): StoredEvent[] {
    const documents: StoredEvent[] = [];
    const ingestedAt = this.parts.now();
    for (const { parsed, pos, index } of fresh) {
      const event = this.documentOf(parsed, pos, ingestedAt);
      if (this.drops?.(event)) outcomes[index] = 'dropped';
      else documents.push(event);
    }
    return documents;
  }

  private documentOf(parsed: ParsedRecord, pos: number, ingestedAt: Date): StoredEvent {
    const { run, sourceId, silent } = this.batch;
    const origin = { run, pos, sourceId, ingestedAt, ...(silent ? { silent } : {}) };
    return toStoredEvent(parsed, this.parts.enricher.enrich(parsed.record), origin);
  }

  private async commit(
    slice: Slice,
    ids: string[],
    outcomes: RecordOutcome[],
  ): Promise<{ commit: Commit; appended: boolean }> {
    this.parts.crash('before-commit');
    const count = (wanted: RecordOutcome): number => outcomes.filter((outcome) => outcome === wanted).length;
    const result = await this.parts.commits.append({
      run: this.batch.run,
      slice: slice.index,
      batchId: this.batch._id,
      sourceId: this.batch.sourceId,
      sourceKind: this.batch.sourceKind,
      received: outcomes.length,
      stored: count('stored'),
      duplicates: count('duplicate'),
      dropped: count('dropped'),
      rejected: count('rejected'),
      ids,
      ...(this.batch.silent ? { silent: true as const } : {}),
      ...(this.batch.requestIds ? { requestIds: this.batch.requestIds } : {}),
    });
    this.parts.crash('after-commit');
    return result;
  }
}
