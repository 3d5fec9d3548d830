import { randomBytes, randomUUID } from 'node:crypto';
import { ingestTokenFault, newIngestToken, secretHint } from '../../auth/ingest-tokens';
import { hashToken } from '../../auth/opaque-token';
import type { SecretBox } from '../../auth/secret-box';
import { type FieldFault, Forbidden, Invalid, NotFound } from '../../domain/errors';
import { checkFilter, type EventFilter } from '../../domain/filter';
import { type AwsAccess, DIRECT_SOURCE_ID, type S3BucketConfig, type Source } from '../../domain/source';
import type { Role } from '../../domain/user';
import type { AddressGuard } from '../../net/address-guard';
import type { NewSource, SourceChanges, SourceStore } from '../../store/sources';
import { type CheckedCreate, checkCreate, checkUpdate } from './source-input';

export interface SourceAdminParts {
  sources: SourceStore;
  box: SecretBox;
  /** Lets through the endpoints that sources may have. */
  endpoints: AddressGuard;
  now: () => Date;
  /** Tells the workers that a source is due. */
  hint: (sourceId: string) => Promise<void>;
}

const POLL_SECONDS = 60;
const KINDS = ['s3', 'httpPush', 'demo'] as const;

/** Makes and changes sources: checks what is given, seals what is secret. */
export class SourceAdmin {
  constructor(private readonly parts: SourceAdminParts) {}

  async create(input: unknown, role: Role): Promise<{ source: Source; ingestToken: string | null }> {
    const checked = checkCreate(input);
    const given = KINDS.filter((kind) => checked[kind]);
    if (given.length !== 1) {
      throw new Invalid('Give exactly one of s3, httpPush, demo: it sets the kind.', [
        { path: ['input'], message: 'exactly one of s3, httpPush, demo' },
      ]);
    }
    if (checked.aws && !checked.s3) throw foreignBlock('aws');
    const id = `src_${randomUUID().replaceAll('-', '').slice(0, 20)}`;
    const base = {
      _id: id,
      name: checked.name,
      aws: null,
      s3: null,
      httpPush: null,
      demo: null,
      nextRunAt: null,
      dropFilter: this.dropFilter(checked.dropFilter),
    };
    if (checked.s3) return { source: await this.save(this.s3Source(base, checked, role)), ingestToken: null };
    if (checked.demo)
      return { source: await this.save(this.demoSource(base, checked.demo)), ingestToken: null };
    const token = this.ingestToken(checked.httpPush?.token ?? null);
    const source = await this.save({
      ...base,
      kind: 'HTTP_PUSH',
      httpPush: { tokenHash: hashToken(token), tokenHint: secretHint(token) },
    });
    return { source, ingestToken: token };
  }

  async update(id: string, input: unknown, role: Role): Promise<Source> {
    const source = await this.get(id);
    const checked = checkUpdate(input);
    const own = { S3_BUCKET: 's3', HTTP_PUSH: 'httpPush', DEMO: 'demo' }[
      source.kind as 'S3_BUCKET'
    ] as string;
    for (const kind of KINDS) if (checked[kind] && kind !== own) throw foreignBlock(kind);
    if (checked.aws && !source.aws) throw foreignBlock('aws');
    const changes: SourceChanges = {};
    if (checked.name) changes.name = checked.name;
    if (checked.dropFilter !== undefined) changes.dropFilter = this.dropFilter(checked.dropFilter);
    if (checked.aws) changes.aws = this.access(id, checked.aws, source.aws, role);
    if (checked.s3) this.changeBucket(source, this.bucket(checked.s3), changes);
    if (checked.demo) changes.demo = this.changeDemo(source, checked.demo);
    if (checked.httpPush) {
      const token = this.ingestToken(checked.httpPush.token ?? null);
      changes.httpPush = { tokenHash: hashToken(token), tokenHint: secretHint(token) };
    }
    if (source.kind !== 'HTTP_PUSH') changes.nextRunAt = this.parts.now();
    return this.changed(id, await this.parts.sources.update(id, changes));
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

  async delete(id: string): Promise<void> {
    if (id === DIRECT_SOURCE_ID) throw new Invalid('The built-in source `direct` can not be deleted.');
    if (!(await this.parts.sources.delete(id))) throw notFound(id);
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

  private s3Source(base: Omit<NewSource, 'kind'>, checked: CheckedCreate, role: Role): NewSource {
    return {
      ...base,
      kind: 'S3_BUCKET',
      aws: this.access(base._id, checked.aws ?? {}, null, role),
      s3: this.bucket(checked.s3!),
      nextRunAt: this.parts.now(),
    };
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

  private bucket(input: NonNullable<CheckedCreate['s3']>): S3BucketConfig {
    const prefix = input.prefix?.replace(/^\/+|\/+$/g, '') || null;
    return {
      bucket: input.bucket,
      prefix,
      accountIds: input.accountIds?.length ? input.accountIds : null,
      regions: input.regions?.length ? input.regions : null,
      organizationId: input.organizationId ?? null,
      pollIntervalSeconds: input.pollIntervalSeconds ?? POLL_SECONDS,
      startAt: input.startAt ?? null,
    };
  }

  /** What is read changes with the bucket and the prefix: then batches are others, and the walk begins anew. */
  private changeBucket(source: Source, s3: S3BucketConfig, changes: SourceChanges): void {
    changes.s3 = s3;
    if (source.s3?.bucket !== s3.bucket || source.s3.prefix !== s3.prefix) changes.epoch = source.epoch + 1;
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
    if (input.profile && role !== 'ADMIN') {
      throw new Forbidden("Only an ADMIN may have a source use the server's own profiles.");
    }
    if (input.endpointUrl) this.checkEndpoint(input.endpointUrl);
    const keep = <T>(given: T | null | undefined, old: T | null): T | null =>
      given === undefined ? old : given;
    return {
      region: keep(input.region, before?.region ?? null),
      profile: keep(input.profile, before?.profile ?? null),
      roleArn: before?.roleArn ?? null,
      externalId: before?.externalId ?? randomBytes(16).toString('hex'),
      endpointUrl: keep(input.endpointUrl, before?.endpointUrl ?? null),
      staticKeys: this.staticKeys(id, input, before),
    };
  }

  private staticKeys(
    id: string,
    input: NonNullable<CheckedCreate['aws']>,
    before: AwsAccess | null,
  ): AwsAccess['staticKeys'] {
    const { accessKeyId, secretAccessKey, sessionToken } = input;
    if (accessKeyId === undefined && secretAccessKey === undefined) return before?.staticKeys ?? null;
    if (!accessKeyId && !secretAccessKey) return null;
    const faults: FieldFault[] = [];
    if (!accessKeyId)
      faults.push({ path: ['input', 'aws', 'accessKeyId'], message: 'goes with secretAccessKey' });
    if (!secretAccessKey)
      faults.push({ path: ['input', 'aws', 'secretAccessKey'], message: 'goes with accessKeyId' });
    if (faults.length > 0) throw new Invalid('accessKeyId and secretAccessKey go together.', faults);
    const keys = JSON.stringify({ accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) });
    return this.parts.box.seal(keys, { collection: 'sources', id, field: 'aws.staticKeys' });
  }

  private checkEndpoint(text: string): void {
    const refused = this.parts.endpoints.checkUrl(new URL(text));
    if (refused) {
      throw new Invalid(
        `The endpoint can't be used: ${refused}. AWS_ENDPOINT_ALLOW_CIDRS opens ranges for endpoints.`,
        [{ path: ['input', 'aws', 'endpointUrl'], message: refused }],
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

function notFound(id: string): NotFound {
  return new NotFound(`There is no source ${id}.`);
}

function foreignBlock(block: string): Invalid {
  return new Invalid(`\`${block}\` does not belong to a source of this kind.`, [
    { path: ['input', block], message: 'belongs to another kind of source' },
  ]);
}
