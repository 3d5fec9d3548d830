import { randomUUID } from 'node:crypto';
import { ingestTokenFault, newIngestToken, secretHint } from '../../auth/ingest-tokens';
import { hashToken } from '../../auth/opaque-token';
import type { SecretBox } from '../../auth/secret-box';
import { Invalid, NotFound } from '../../domain/errors';
import { checkFilter, type EventFilter } from '../../domain/filter';
import { type AwsAccess, DIRECT_SOURCE_ID, type S3BucketConfig, type Source } from '../../domain/source';
import type { Role } from '../../domain/user';
import type { AddressGuard } from '../../net/address-guard';
import { type NewSource, type SourceChanges, type SourceStore, wholeSource } from '../../store/sources';
import { changedAccess, checkMayUse, checkRolePattern } from './aws-access';
import { type CheckedCreate, type CheckedUpdate, checkCreate, checkUpdate } from './source-input';

export interface SourceAdminParts {
  sources: SourceStore;
  box: SecretBox;
  /** Lets through the endpoints that sources may have. */
  endpoints: AddressGuard;
  now: () => Date;
  /** Has the backfills of a source that was deleted end. */
  endBackfills: (sourceId: string) => Promise<void>;
  /** Tells the workers that a source is due. */
  hint: (sourceId: string) => Promise<void>;
}

const POLL_SECONDS = 60;
const OVERLAP_SECONDS = 3_600;
const MAX_IN_FLIGHT = 100;

/** The block of the input that makes each kind. */
const BLOCK_OF = {
  LOOKUP_EVENTS: 'lookupEvents',
  S3_BUCKET: 's3',
  S3_SQS: 'sqs',
  HTTP_PUSH: 'httpPush',
  DEMO: 'demo',
} as const;
const BLOCKS = Object.values(BLOCK_OF);
const ONE_BLOCK = `Give exactly one of ${BLOCKS.join(', ')}: it sets the kind.`;

/** An id that no source had. */
export function newSourceId(): string {
  return `src_${randomUUID().replaceAll('-', '').slice(0, 20)}`;
}

/** Makes and changes sources: checks what is given, seals what is secret. */
export class SourceAdmin {
  constructor(private readonly parts: SourceAdminParts) {}

  /**
   * @param id made where it is null
   * @throws Conflict where the id is, or was, in use
   */
  async create(
    input: unknown,
    role: Role,
    id: string | null = null,
  ): Promise<{ source: Source; ingestToken: string | null }> {
    const { source, ingestToken } = this.planned(input, role, id);
    return { source: await this.save(source), ingestToken };
  }

  async update(id: string, input: unknown, role: Role): Promise<Source> {
    const changes = this.changes(await this.get(id), input, role);
    return this.changed(id, await this.parts.sources.update(id, changes));
  }

  /**
   * A source as `create` or `update` would make it, unsaved: for trying it out. Throws as they do.
   * @param id a saved source; null for one to be
   * @param input null: the saved source as it stands
   */
  async draft(id: string | null, input: unknown, role: Role): Promise<Source> {
    const now = this.parts.now();
    if (id === null) return wholeSource(this.planned(input, role).source, now);
    const source = await this.get(id);
    return input === null ? source : { ...source, ...this.changes(source, input, role), updatedAt: now };
  }

  private planned(
    input: unknown,
    role: Role,
    given: string | null = null,
  ): { source: NewSource; ingestToken: string | null } {
    const checked = checkCreate(input);
    const blocks = BLOCKS.filter((block) => checked[block]);
    if (blocks.length !== 1) throw new Invalid(ONE_BLOCK, [{ path: ['input'], message: ONE_BLOCK }]);
    const polled = checked.lookupEvents ?? checked.s3 ?? checked.sqs;
    if (checked.aws && !polled) throw foreignBlock('aws');
    const id = given ?? newSourceId();
    const base = { _id: id, name: checked.name, dropFilter: this.dropFilter(checked.dropFilter) };
    if (polled) {
      const aws = this.access(id, checked.aws ?? {}, null, role);
      const kind = checked.lookupEvents ? 'LOOKUP_EVENTS' : checked.s3 ? 'S3_BUCKET' : 'S3_SQS';
      const config = this.polledConfig(checked);
      checkRolePattern(aws, config.lookupEvents);
      return { source: { ...base, kind, aws, ...config, nextRunAt: this.parts.now() }, ingestToken: null };
    }
    if (checked.demo) return { source: this.demoSource(base, checked.demo), ingestToken: null };
    const token = this.ingestToken(checked.httpPush?.token ?? null);
    const httpPush = { tokenHash: hashToken(token), tokenHint: secretHint(token) };
    return { source: { ...base, kind: 'HTTP_PUSH', httpPush }, ingestToken: token };
  }

  private changes(source: Source, input: unknown, role: Role): SourceChanges {
    const checked = checkUpdate(input);
    for (const block of BLOCKS)
      if (checked[block] && block !== BLOCK_OF[source.kind]) throw foreignBlock(block);
    if (checked.aws && !source.aws) throw foreignBlock('aws');
    const changes: SourceChanges = {};
    if (checked.name) changes.name = checked.name;
    if (checked.dropFilter !== undefined) changes.dropFilter = this.dropFilter(checked.dropFilter);
    if (checked.aws) changes.aws = this.access(source._id, checked.aws, source.aws, role);
    this.changePolled(source, checked, changes);
    const { aws = source.aws, lookupEvents = source.lookupEvents } = changes;
    if (aws && (checked.aws || checked.lookupEvents || checked.s3 || checked.sqs)) {
      checkMayUse(aws, role);
      checkRolePattern(aws, lookupEvents);
    }
    if (checked.demo) changes.demo = this.changeDemo(source, checked.demo);
    if (checked.httpPush) {
      const token = this.ingestToken(checked.httpPush.token ?? null);
      changes.httpPush = { tokenHash: hashToken(token), tokenHint: secretHint(token) };
    }
    if (source.kind !== 'HTTP_PUSH') changes.nextRunAt = this.parts.now();
    return changes;
  }

  async pause(id: string): Promise<Source> {
    return this.changed(id, await this.parts.sources.update(id, { state: 'PAUSED' }));
  }

  async resume(id: string): Promise<Source> {
    return this.fetchNow(id, 'ACTIVE');
  }

  /** Makes the source due at once. Records that are pushed need no fetching. */
  async fetchNow(id: string, state?: 'ACTIVE'): Promise<Source> {
    const source = await this.get(id);
    if (!state && source.state === 'PAUSED') throw new Invalid('The source is paused: resume it first.');
    const due = source.kind === 'HTTP_PUSH' ? {} : { nextRunAt: this.parts.now() };
    const changed = this.changed(
      id,
      await this.parts.sources.update(id, { ...due, ...(state ? { state } : {}) }),
    );
    await this.parts.hint(id);
    return changed;
  }

  /** Gives a push source a new token; the old one stops working at once. */
  async rotateIngestToken(id: string): Promise<{ source: Source; ingestToken: string }> {
    const source = await this.get(id);
    if (source.kind !== 'HTTP_PUSH') throw new Invalid('Only an HTTP_PUSH source has an ingest token.');
    if (id === DIRECT_SOURCE_ID)
      throw new Invalid('The token of the built-in source `direct` follows from the master key.');
    const token = newIngestToken();
    const httpPush = { tokenHash: hashToken(token), tokenHint: secretHint(token) };
    return {
      source: this.changed(id, await this.parts.sources.update(id, { httpPush })),
      ingestToken: token,
    };
  }

  async delete(id: string): Promise<void> {
    if (id === DIRECT_SOURCE_ID) throw new Invalid('The built-in source `direct` can not be deleted.');
    if (!(await this.parts.sources.delete(id))) throw notFound(id);
    await this.parts.endBackfills(id);
  }

  async get(id: string): Promise<Source> {
    const source = await this.parts.sources.get(id);
    if (!source) throw notFound(id);
    return source;
  }

  private async save(source: NewSource): Promise<Source> {
    const saved = await this.parts.sources.create(source);
    if (saved.nextRunAt) await this.parts.hint(saved._id);
    return saved;
  }

  private demoSource(base: Omit<NewSource, 'kind'>, demo: NonNullable<CheckedCreate['demo']>): NewSource {
    const now = this.parts.now();
    const config = {
      eventsPerSecond: demo.eventsPerSecond ?? 5,
      seed: demo.seed ?? 1,
      startedAt: now,
      firstRecord: 0,
    };
    return { ...base, kind: 'DEMO', demo: config, nextRunAt: now };
  }

  /** The one block of a kind that is polled, with its defaults. */
  private polledConfig({ lookupEvents, s3, sqs }: CheckedUpdate): Pick<SourceChanges, PolledBlock> {
    if (lookupEvents) {
      return {
        lookupEvents: {
          regions: lookupEvents.regions ?? [],
          accountIds: lookupEvents.accountIds ?? [],
          pollIntervalSeconds: lookupEvents.pollIntervalSeconds ?? POLL_SECONDS,
          overlapSeconds: lookupEvents.overlapSeconds ?? OVERLAP_SECONDS,
        },
      };
    }
    if (sqs) {
      this.checkUrl(sqs.queueUrl, ['input', 'sqs', 'queueUrl']);
      return { sqs: { queueUrl: sqs.queueUrl, maxInFlight: sqs.maxInFlight ?? MAX_IN_FLIGHT } };
    }
    return s3 ? { s3: bucketConfig(s3) } : {};
  }

  /** What is read changes with the bucket, its prefix and the queue: then batches are others, and a walk begins anew. */
  private changePolled(source: Source, checked: CheckedUpdate, changes: SourceChanges): void {
    const config = this.polledConfig(checked);
    Object.assign(changes, config);
    const { s3, sqs } = config;
    const otherBucket = s3 && (source.s3?.bucket !== s3.bucket || source.s3.prefix !== s3.prefix);
    const otherQueue = sqs && source.sqs?.queueUrl !== sqs.queueUrl;
    if (otherBucket || otherQueue) changes.epoch = source.epoch + 1;
  }

  /** Another rate or seed begins a new story, under ids of its own. */
  private changeDemo(source: Source, input: NonNullable<CheckedCreate['demo']>): Source['demo'] {
    const before = source.demo!;
    const eventsPerSecond = input.eventsPerSecond ?? before.eventsPerSecond;
    const seed = input.seed ?? before.seed;
    if (eventsPerSecond === before.eventsPerSecond && seed === before.seed) return before;
    const now = this.parts.now();
    const due =
      Math.floor(((now.getTime() - before.startedAt.getTime()) / 1000) * before.eventsPerSecond) + 1;
    return { eventsPerSecond, seed, startedAt: now, firstRecord: before.firstRecord + due };
  }

  private access(
    id: string,
    input: NonNullable<CheckedCreate['aws']>,
    before: AwsAccess | null,
    role: Role,
  ): AwsAccess {
    if (input.endpointUrl) this.checkUrl(input.endpointUrl, ['input', 'aws', 'endpointUrl']);
    const access = changedAccess(this.parts.box, id, input, before);
    checkMayUse(access, role);
    return access;
  }

  private checkUrl(text: string, path: string[]): void {
    const refused = this.parts.endpoints.checkUrl(new URL(text));
    if (refused) {
      throw new Invalid(
        `The URL can't be used: ${refused}. AWS_ENDPOINT_ALLOW_CIDRS opens ranges for endpoints.`,
        [{ path, message: refused }],
      );
    }
  }

  private ingestToken(given: string | null): string {
    const fault = given === null ? null : ingestTokenFault(given);
    if (fault) throw new Invalid(`${fault}.`, [{ path: ['input', 'httpPush', 'token'], message: fault }]);
    return given ?? newIngestToken();
  }

  private dropFilter(filter: EventFilter | null | undefined): EventFilter | null {
    return filter ? checkFilter({ ...filter }, ['input', 'dropFilter']) : null;
  }

  private changed(id: string, source: Source | null): Source {
    if (!source) throw notFound(id);
    return source;
  }
}

type PolledBlock = 'lookupEvents' | 's3' | 'sqs';

function bucketConfig(input: NonNullable<CheckedCreate['s3']>): S3BucketConfig {
  return {
    bucket: input.bucket,
    prefix: input.prefix?.replace(/^\/+|\/+$/g, '') || null,
    accountIds: input.accountIds?.length ? input.accountIds : null,
    regions: input.regions?.length ? input.regions : null,
    organizationId: input.organizationId ?? null,
    pollIntervalSeconds: input.pollIntervalSeconds ?? POLL_SECONDS,
    startAt: input.startAt ?? null,
  };
}

function notFound(id: string): NotFound {
  return new NotFound(`There is no source ${id}.`);
}

function foreignBlock(block: string): Invalid {
  return new Invalid(`\`${block}\` does not belong to a source of this kind.`, [
    { path: ['input', block], message: 'belongs to another kind of source' },
  ]);
}
