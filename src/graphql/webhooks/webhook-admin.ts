import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { secretHint } from '../../auth/ingest-tokens';
import type { SecretBox } from '../../auth/secret-box';
import { DEFAULT_TIMEOUT_MS } from '../../delivery/attempt';
import { customHeaderFaults } from '../../delivery/custom-headers';
import { newSigningKey, newWebhookSecret, parseWebhookSecret } from '../../delivery/signature';
import { Conflict, type FieldFault, Invalid, messageOf, NotFound } from '../../domain/errors';
import { checkFilter, type EventFilter } from '../../domain/filter';
import type { WebhookEventType } from '../../domain/operational-event';
import type { Webhook } from '../../domain/webhook';
import type { AddressGuard } from '../../net/address-guard';
import type { CommitStore } from '../../store/commits';
import type { DeliveryStore } from '../../store/deliveries';
import type { SourceStore } from '../../store/sources';
import type { WebhookChanges, WebhookStore } from '../../store/webhooks';
import { checkedInput } from '../checked-input';

export interface WebhookAdminParts {
  webhooks: WebhookStore;
  deliveries: DeliveryStore;
  sources: SourceStore;
  commits: CommitStore;
  box: SecretBox;
  guard: AddressGuard;
  /** Tells the workers that a webhook has something to do. */
  hint: (webhookId: string) => Promise<void>;
  now: () => Date;
}

/** Secrets that may sign at the same time, the newest included; requirements A1. */
const MAX_SECRETS = 5;
const MAX_GRACE_SECONDS = 7 * 86_400;

const MAX_SOURCES = 100;
const name = z.string().trim().min(1, 'must not be empty').max(100, 'must have at most 100 characters');
const url = z.string().max(2_048, 'must have at most 2048 characters');
const batchSize = z.number().int().min(1, 'must be 1 at least').max(1_000, 'must be 1000 at most').nullish();
const timeoutMs = z
  .number()
  .int()
  .min(1_000, 'must be 1000 at least')
  .max(30_000, 'must be 30000 at most')
  .nullish();
const maxPerSecond = z
  .number()
  .min(0.01, 'must be 0.01 at least')
  .max(1_000, 'must be 1000 at most')
  .nullish();
const flag = z.boolean().nullish();
const format = z.enum(['ENRICHED', 'RAW', 'ECS', 'SLACK', 'FORWARDER_V1']).nullish();
const sourceIds = z.array(z.string()).max(MAX_SOURCES, `must name at most ${MAX_SOURCES} sources`).nullish();
const headers = z.array(z.object({ name: z.string(), value: z.string() })).nullish();
const events = z
  .array(z.enum(['CLOUDTRAIL', 'OPERATIONAL']))
  .min(1, 'must name one at least')
  .max(10, 'must name each once')
  .nullish();
const optional = {
  format,
  events,
  sourceIds,
  headers,
  batchSize,
  timeoutMs,
  maxPerSecond,
  ordered: flag,
  asymmetric: flag,
  filter: z.any().optional(),
};
const createShape = z.object({ name, url, secret: z.string().nullish(), ...optional });
const updateShape = z.object({ name: name.nullish(), url: url.nullish(), ...optional });

/** Makes and changes webhooks: checks what is given, seals what is secret. */
export class WebhookAdmin {
  constructor(private readonly parts: WebhookAdminParts) {}

  /**
   * A new webhook hears of what is stored from now on.
   * @param sourceToCome a source that is about to be made, and may be named
   */
  async create(
    input: unknown,
    { sourceToCome = null }: { sourceToCome?: string | null } = {},
  ): Promise<{ webhook: Webhook; secret: string }> {
    const checked = checkedInput(createShape, input, 'webhook');
    await this.check(checked, sourceToCome);
    const secret = this.secret(checked.secret ?? null);
    const id = `whk_${randomUUID().replaceAll('-', '').slice(0, 20)}`;
    const webhook = await this.parts.webhooks.create({
      _id: id,
      name: checked.name,
      url: new URL(checked.url).href,
      format: checked.format ?? 'ENRICHED',
      events: eventsOf(checked.events),
      filter: filterOf(checked.filter),
      sourceIds: checked.sourceIds?.length ? checked.sourceIds : null,
      headers: this.seal(id, checked.headers ?? []),
      secret: this.parts.box.seal(secret, { collection: 'webhooks', id, field: 'secret' }),
      secretHint: secretHint(secret),
      batchSize: checked.batchSize ?? 1,
      timeoutMs: checked.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      maxPerSecond: checked.maxPerSecond ?? null,
      ordered: checked.ordered ?? false,
      signingKey: checked.asymmetric ? this.signingKey(id) : null,
      position: { n: await this.parts.commits.head(), pos: Number.MAX_SAFE_INTEGER },
    });
    return { webhook, secret };
  }

  /** @throws Invalid where a webhook may not have this URL */
  checkUrl(url: string): void {
    const [fault] = this.urlFaults(url);
    if (fault) throw new Invalid(`The webhook is not valid: ${fault.message}.`, [fault]);
  }

  async update(id: string, input: unknown): Promise<Webhook> {
    const checked = checkedInput(updateShape, input, 'webhook');
    await this.check(checked);
    const changes: WebhookChanges = {};
    if (checked.name) changes.name = checked.name;
    if (checked.url) changes.url = new URL(checked.url).href;
    if (checked.format !== undefined) changes.format = checked.format ?? 'ENRICHED';
    if (checked.events !== undefined) changes.events = eventsOf(checked.events);
    if (checked.filter !== undefined) changes.filter = filterOf(checked.filter);
    if (checked.sourceIds !== undefined)
      changes.sourceIds = checked.sourceIds?.length ? checked.sourceIds : null;
    if (checked.headers !== undefined) changes.headers = this.seal(id, checked.headers ?? []);
    if (checked.batchSize !== undefined) changes.batchSize = checked.batchSize ?? 1;
    if (checked.timeoutMs !== undefined) changes.timeoutMs = checked.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    if (checked.maxPerSecond !== undefined) changes.maxPerSecond = checked.maxPerSecond;
    if (checked.ordered !== undefined) changes.ordered = checked.ordered ?? false;
    if (checked.asymmetric === false) changes.signingKey = null;
    if (checked.asymmetric && !(await this.get(id)).signingKey) changes.signingKey = this.signingKey(id);
    return this.changed(id, changes);
  }

  pause(id: string): Promise<Webhook> {
    return this.changed(id, { state: 'PAUSED', stateReason: null });
  }

  /** Goes on from its position: what was stored meanwhile is delivered. */
  resume(id: string): Promise<Webhook> {
    return this.changed(id, { state: 'ACTIVE', stateReason: null });
  }

  /** A new secret signs from now on, and the one before it as well for `graceSeconds`. */
  async rotateSecret(id: string, graceSeconds: number): Promise<{ webhook: Webhook; secret: string }> {
    if (!Number.isInteger(graceSeconds) || graceSeconds < 0 || graceSeconds > MAX_GRACE_SECONDS) {
      const message = `must lie between 0 and ${MAX_GRACE_SECONDS} (7 days)`;
      throw new Invalid(`\`graceSeconds\` ${message}.`, [{ path: ['graceSeconds'], message }]);
    }
    const before = await this.get(id);
    const now = this.parts.now();
    const until = new Date(now.getTime() + graceSeconds * 1_000);
    const live = before.oldSecrets.filter((old) => old.until > now);
    const oldSecrets = graceSeconds === 0 ? live : [{ secret: before.secret, until }, ...live];
    if (oldSecrets.length >= MAX_SECRETS) {
      const first = live.reduce((a, b) => (a.until < b.until ? a : b)).until.toISOString();
      throw new Conflict(
        `${MAX_SECRETS} secrets are valid already: wait until ${first}, or give a grace of 0.`,
      );
    }
    const secret = newWebhookSecret();
    const sealed = this.parts.box.seal(secret, { collection: 'webhooks', id, field: 'secret' });
    const fresh = { secret: sealed, secretHint: secretHint(secret), oldSecrets };
    const webhook = await this.parts.webhooks.rotate(before, fresh);
    if (!webhook) throw new Conflict('The secret was rotated by somebody else just now.');
    return { webhook, secret };
  }

  async delete(id: string): Promise<void> {
    if (!(await this.parts.webhooks.delete(id))) throw new NotFound(`There is no webhook ${id}.`);
    await this.parts.deliveries.cancelAll(id);
  }

  private async get(id: string): Promise<Webhook> {
    const webhook = await this.parts.webhooks.get(id);
    if (!webhook) throw new NotFound(`There is no webhook ${id}.`);
    return webhook;
  }

  private signingKey(id: string): NonNullable<Webhook['signingKey']> {
    const { privateKey, publicKey } = newSigningKey();
    const place = { collection: 'webhooks', id, field: 'signingKey' };
    return { privateKey: this.parts.box.seal(privateKey, place), publicKey };
  }

  private async changed(id: string, changes: WebhookChanges): Promise<Webhook> {
    const webhook = await this.parts.webhooks.update(id, changes);
    if (!webhook) throw new NotFound(`There is no webhook ${id}.`);
    await this.parts.hint(id);
    return webhook;
  }

  private async check(
    input: {
      url?: string | null;
      headers?: { name: string; value: string }[] | null;
      sourceIds?: string[] | null;
    },
    sourceToCome: string | null = null,
  ): Promise<void> {
    const faults: FieldFault[] = [];
    if (typeof input.url === 'string') faults.push(...this.urlFaults(input.url));
    if (input.headers) faults.push(...customHeaderFaults(input.headers, ['input', 'headers']));
    if (input.sourceIds?.length) faults.push(...(await this.sourceFaults(input.sourceIds, sourceToCome)));
    if (faults.length > 0) throw new Invalid(`The webhook is not valid: ${faults[0]!.message}.`, faults);
  }

  private urlFaults(text: string): FieldFault[] {
    const path = ['input', 'url'];
    if (!URL.canParse(text)) return [{ path, message: 'is not a URL' }];
    const refused = this.parts.guard.checkUrl(new URL(text));
    return refused ? [{ path, message: refused }] : [];
  }

  private async sourceFaults(ids: string[], toCome: string | null): Promise<FieldFault[]> {
    const there = new Set((await this.parts.sources.many(ids)).map((source) => source._id));
    if (toCome !== null) there.add(toCome);
    return ids.flatMap((id, index) =>
      there.has(id) ? [] : [{ path: ['input', 'sourceIds', index], message: `there is no source ${id}` }],
    );
  }

  private secret(given: string | null): string {
    if (given === null) return newWebhookSecret();
    try {
      parseWebhookSecret(given);
    } catch (error) {
      throw new Invalid(messageOf(error), [{ path: ['input', 'secret'], message: messageOf(error) }]);
    }
    return given;
  }

  private seal(id: string, given: { name: string; value: string }[]): Webhook['headers'] {
    return given.map((header) => ({
      name: header.name,
      value: this.parts.box.seal(header.value, {
        collection: 'webhooks',
        id,
        field: `headers.${header.name.toLowerCase()}`,
      }),
    }));
  }
}

function eventsOf(given: readonly WebhookEventType[] | null | undefined): WebhookEventType[] {
  return given ? [...new Set(given)] : ['CLOUDTRAIL'];
}

function filterOf(filter: EventFilter | null | undefined): EventFilter | null {
  return filter ? checkFilter({ ...filter }, ['input', 'filter']) : null;
}
