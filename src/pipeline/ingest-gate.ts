import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { MOST_REQUEST_IDS, type PartResult } from '../domain/batch';
import { recordTexts } from '../domain/envelopes/record-texts';
import { UnknownShape } from '../domain/envelopes/unknown-shape';
import { Invalid, Unavailable } from '../domain/errors';
import type { SourceKind } from '../domain/source';
import type { BatchStore } from '../store/batches';
import type { SettlementWatch } from './settlement-watch';

export interface IngestGateParts {
  batches: BatchStore;
  settlements: SettlementWatch;
  /** Tells the workers of new batches. */
  hint: (batchIds: string[]) => Promise<void>;
}

/** Where a body belongs. */
export interface IngestTarget {
  sourceId: string;
  kind: SourceKind;
}

/** What a sender wants to hear. */
export interface SubmitOptions {
  /** The outcome of each record, beside the counts. */
  each?: boolean;
  /** The HTTP request that brought it: the log names it at the batch and at the deliveries. */
  requestId?: string;
}

interface Body {
  requestId: string | null;
  records: Buffer[];
  bytes: number;
  resolve: (result: PartResult) => void;
  reject: (error: unknown) => void;
}

interface Gathering {
  target: IngestTarget;
  each: boolean;
  bodies: Body[];
  records: number;
  bytes: number;
  /** When its senders must have heard. */
  deadline: number;
  timer: NodeJS.Timeout;
}

/** Small bodies wait so long for others, and at most for so many records or bytes. */
const GATHER_MS = 50;
const GATHER_RECORDS = 1_000;
const GATHER_BYTES = 4 * 1024 * 1024;
/** A sender hears within this whether its records are stored (requirements: the door answers within 4 s). */
const ANSWER_MS = 4_000;
/** Bodies that may wait for their records to be stored, in inflated bytes; beyond that the door is busy. */
const MAX_WAITING_BYTES = 256 * 1024 * 1024;
/** What gzip texts inside of a body may inflate to; the body itself was bounded at the door. */
const MAX_INFLATED_BYTES = 64 * 1024 * 1024;
/** Other work gets its chance after so long, while records are looked for. */
const WORK_MS = 5;
/** Records of a body whose outcomes are told one by one: they must fit into the ledger. */
const MAX_EACH = 10_000;
/** What fits into a document of the ledger beside its other fields. */
const MAX_PAYLOAD_BYTES = 15 * 1024 * 1024;

const gzipAsync = promisify(gzip);

/** Takes records that are pushed: into the ledger, and answers when they are stored. */
export class IngestGate {
  private readonly gathering = new Map<string, Gathering>();
  private waitingBytes = 0;

  constructor(private readonly parts: IngestGateParts) {}

  /**
   * Stores the records of a body, in whatever they are wrapped (domain/envelopes/record-texts.ts).
   * @throws Invalid where there are none, Unavailable where it can't be stored in time: sending it again is safe
   */
  async submit(
    target: IngestTarget,
    text: Buffer,
    { each = false, requestId }: SubmitOptions = {},
  ): Promise<PartResult> {
    if (this.waitingBytes + text.length > MAX_WAITING_BYTES) {
      throw busy();
    }
    // What is unwrapped may be larger than what came: as much of it as is held is counted.
    const held = { bytes: text.length };
    this.waitingBytes += held.bytes;
    try {
      const records = await this.unwrap(text, held);
      if (each && records.length > MAX_EACH) {
        throw new Invalid(`With results=each a body may hold ${MAX_EACH} records: send them in several.`);
      }
      return await new Promise<PartResult>((resolve, reject) => {
        this.gather(target, each, {
          requestId: requestId ?? null,
          records,
          bytes: held.bytes,
          resolve,
          reject,
        });
      });
    } finally {
      this.waitingBytes -= held.bytes;
    }
  }

  /** The text of each record. Yields to other work between pieces: a body may hold 64 MiB. */
  private async unwrap(text: Buffer, held: { bytes: number }): Promise<Buffer[]> {
    const records: Buffer[] = [];
    let found = 0;
    let rested = performance.now();
    try {
      for (const portion of recordTexts(text, { maxInflatedBytes: MAX_INFLATED_BYTES })) {
        for (const record of portion) {
          records.push(record);
          found += record.length;
        }
        if (found > held.bytes) this.hold(found - held.bytes, held);
        if (performance.now() - rested < WORK_MS) continue;
        await new Promise((resolve) => setImmediate(resolve));
        rested = performance.now();
      }
    } catch (error) {
      if (error instanceof UnknownShape) throw new Invalid(error.message);
      throw error;
    }
    return records;
  }

  private hold(more: number, held: { bytes: number }): void {
    if (this.waitingBytes + more > MAX_WAITING_BYTES) throw busy();
    this.waitingBytes += more;
    held.bytes += more;
  }

  private gather(target: IngestTarget, each: boolean, body: Body): void {
    // Apart from others, so that no body is told of one by one only since a neighbour asked for it.
    const key = `${target.sourceId} ${each}`;
    const there = this.gathering.get(key);
    if (there && there.bytes + body.bytes > GATHER_BYTES) this.flush(there);
    let into = this.gathering.get(key);
    if (!into) {
      const fresh: Gathering = {
        target,
        each,
        bodies: [],
        records: 0,
        bytes: 0,
        deadline: performance.now() + ANSWER_MS,
        timer: setTimeout(() => this.flush(fresh), GATHER_MS),
      };
      into = fresh;
      this.gathering.set(key, fresh);
    }
    into.bodies.push(body);
    into.records += body.records.length;
    into.bytes += body.bytes;
    if (into.records >= GATHER_RECORDS || into.bytes >= GATHER_BYTES) this.flush(into);
  }

  private flush(gathering: Gathering): void {
    clearTimeout(gathering.timer);
    const key = `${gathering.target.sourceId} ${gathering.each}`;
    if (this.gathering.get(key) === gathering) this.gathering.delete(key);
    void this.store(gathering).catch((error: unknown) => {
      for (const body of gathering.bodies) body.reject(error);
    });
  }

  private async store({ target, each, bodies, deadline }: Gathering): Promise<void> {
    const id = `push_${randomUUID().replaceAll('-', '')}`;
    const payload = await gzipAsync(joined(bodies), { level: 1 });
    if (payload.length > MAX_PAYLOAD_BYTES) {
      throw new Invalid('The records are too many for one body, even compressed: send them in several.');
    }
    const at = new Date().toISOString();
    const parts = bodies.map((body) => body.records.length);
    const requestIds = bodies.flatMap(({ requestId }) => requestId ?? []).slice(0, MOST_REQUEST_IDS);
    await this.add({
      _id: id,
      sourceId: target.sourceId,
      sourceKind: target.kind,
      reference: `pushed ${at}`,
      payload,
      parts,
      ...(requestIds.length > 0 ? { requestIds } : {}),
      ...(each ? { each: true as const } : {}),
    });
    const batch = await this.parts.settlements.settled(id, deadline - performance.now());
    if (batch.state !== 'DONE')
      throw new Unavailable(`The records were not stored: ${batch.error ?? batch.state}`);
    for (const [index, body] of bodies.entries()) {
      const result = batch.partResults?.[index];
      if (result) body.resolve(result);
      else body.reject(new Error('a settled batch lacks the result of a part'));
    }
  }

  private async add(batch: Parameters<BatchStore['add']>[0][number]): Promise<void> {
    try {
      await this.parts.batches.add([batch]);
    } catch (error) {
      throw new Unavailable('The records could not be kept: send them again.', 1, error);
    }
    // Not waited for: a queue that is away takes seconds to say so, and workers look into the ledger themselves.
    void this.parts.hint([batch._id]);
  }
}

function busy(): Unavailable {
  return new Unavailable('The door is busy: too many records wait to be stored. Send them again.', 1);
}

function joined(bodies: Body[]): Buffer {
  const pieces: Buffer[] = [Buffer.from('{"Records":[')];
  const comma = Buffer.from(',');
  for (const record of bodies.flatMap((body) => body.records)) pieces.push(record, comma);
  if (pieces.length > 1) pieces.pop();
  pieces.push(Buffer.from(']}'));
  return Buffer.concat(pieces);
}
