import { modelOptions, prop, Severity } from '@typegoose/typegoose';
import type { Breaker } from '../../domain/breaker';
import type { StreamPosition } from '../../domain/commit';
import type { EventFilter } from '../../domain/filter';
import type { OperationalEvent, WebhookEventType } from '../../domain/operational-event';
import type { Sealed } from '../../domain/source';
import type { Webhook, WebhookFormat, WebhookState } from '../../domain/webhook';
import type { Tally } from '../../domain/webhook-tally';

/** How a webhook is kept; `domain/webhook.ts` says what the fields mean. */
@modelOptions({
  schemaOptions: { collection: 'webhooks', versionKey: false, minimize: false, strict: 'throw' },
  options: { allowMixed: Severity.ALLOW },
})
export class WebhookDocument {
  @prop({ type: () => String, required: true })
  _id!: string;

  @prop({ type: () => String, required: true })
  name!: string;

  @prop({ type: () => String, required: true })
  url!: string;

  @prop({ type: () => String, required: true })
  state!: WebhookState;

  @prop({ type: () => String, default: null })
  stateReason!: string | null;

  @prop({ type: () => String, required: true })
  format!: WebhookFormat;

  @prop({ type: () => [String], required: true })
  events!: WebhookEventType[];

  @prop({ type: () => Object, default: null })
  filter!: EventFilter | null;

  @prop({ type: () => [String], default: null })
  sourceIds!: string[] | null;

  @prop({ type: () => Array, default: [] })
  headers!: { name: string; value: Sealed }[];

  @prop({ type: () => Object, required: true })
  secret!: Sealed;

  @prop({ type: () => String, required: true })
  secretHint!: string;

  @prop({ type: () => Array, default: [] })
  oldSecrets!: Webhook['oldSecrets'];

  @prop({ type: () => Object, default: null })
  signingKey!: Webhook['signingKey'];

  @prop({ type: () => Number, required: true })
  batchSize!: number;

  @prop({ type: () => Number, required: true })
  timeoutMs!: number;

  @prop({ type: () => Number, default: null })
  maxPerSecond!: number | null;

  @prop({ type: () => Boolean, default: false })
  ordered!: boolean;

  @prop({ type: () => Date, required: true })
  createdAt!: Date;

  @prop({ type: () => Date, required: true })
  updatedAt!: Date;

  @prop({ type: () => Date, default: null })
  deletedAt!: Date | null;

  @prop({ type: () => Number, required: true })
  revision!: number;

  @prop({ type: () => Number, required: true })
  generation!: number;

  @prop({ type: () => Number, default: null })
  since!: number | null;

  @prop({ type: () => Object, required: true })
  position!: StreamPosition;

  @prop({ type: () => Object, default: null })
  tally!: Tally | null;

  @prop({ type: () => Array, default: [] })
  closedTallies!: Tally[];

  @prop({ type: () => Date, default: null })
  nextDueAt!: Date | null;

  @prop({ type: () => String, default: null })
  token!: string | null;

  @prop({ type: () => Date, default: null })
  leaseUntil!: Date | null;

  @prop({ type: () => Date, default: null })
  lookedAt!: Date | null;

  @prop({ type: () => Number, default: 0 })
  consecutiveFailures!: number;

  @prop({ type: () => Date, default: null })
  failingSince!: Date | null;

  @prop({ type: () => Date, default: null })
  proxyOutSince!: Date | null;

  @prop({ type: () => Date, default: null })
  heldUntil!: Date | null;

  @prop({ type: () => Object, required: true })
  breaker!: Breaker;

  @prop({ type: () => Array, default: [] })
  outbox!: OperationalEvent[];

  @prop({ type: () => Date, default: null })
  exhaustedToldAt!: Date | null;

  @prop({ type: () => [Number], default: [] })
  recentMs!: number[];
}
