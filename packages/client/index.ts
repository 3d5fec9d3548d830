export type { TypedDocument } from '../../src/client/document';
export {
  type AnswerError,
  FellBehind,
  type FieldFault,
  NoAnswer,
  TrailGraphError,
} from '../../src/client/errors';
export type { SubscribeOptions } from '../../src/client/subscription';
export type { TokenSource } from '../../src/client/tokens';
export {
  type EventsOptions,
  type Pageable,
  type RunOptions,
  TrailGraphClient,
  type TrailGraphClientOptions,
} from '../../src/client/trailgraph-client';
export type { EventFilter, EventPartsFragment as EnrichedEvent } from '../../src/generated/graphql';
