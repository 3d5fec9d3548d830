import type { ActorKind } from './actors';
import type { Scene } from './scene';

/** What a call was about, as `resources` has it; the key really is in upper case. */
export interface Resource {
  accountId?: string;
  type?: string;
  ARN: string;
}

/** The parts of a record that belong to one event name, in the shape in which CloudTrail records them. */
export interface Call {
  request: unknown;
  /** Only calls that change something have one; null if absent. */
  response?: unknown;
  additional?: Record<string, unknown>;
  resources?: Resource[];
  /** `serviceEventDetails`. */
  details?: Record<string, unknown>;
  /** The host that the client asked for, where it isn't the service's own. */
  host?: string;
}

/** A failure as AWS words it. */
export interface ErrorTemplate {
  code: string;
  message: (scene: Scene) => string;
}

export interface EventTemplate {
  name: string;
  readOnly: boolean;
  /** How often it occurs compared with the other events of all services: a whole number. */
  weight: number;
  call: (scene: Scene) => Call;
  /** A data event instead of a management event. */
  data?: boolean;
  eventType?: 'AwsServiceEvent' | 'AwsConsoleSignIn';
  /** Who causes it; anybody, if it does not say. A kind that stands twice is twice as common. */
  by?: readonly ActorKind[];
  /** The service that acts, where `by` is `service`. */
  service?: string;
  /** Failures beyond those that every call of the service may have. */
  errors?: readonly ErrorTemplate[];
  /** It never fails: what a service tells of itself. */
  infallible?: boolean;
}

export interface ServiceTemplate {
  /** `eventSource`. */
  source: string;
  eventVersion: '1.09' | '1.10' | '1.11';
  /** How the service words its errors: EC2's, S3's, those of the query and REST services, those of the JSON services. */
  errors: 'ec2' | 's3' | 'query' | 'json';
  /** Served from us-east-1 for all Regions. */
  global?: boolean;
  /** The first part of its endpoint's name, where that is not the first part of `source`. */
  endpoint?: string;
  /** The prefix of its actions in policies, where that is not the first part of `source`. */
  actions?: string;
  apiVersion?: string;
  events: readonly EventTemplate[];
}

type Options = Omit<EventTemplate, 'name' | 'readOnly' | 'weight' | 'call'>;

/** A read: `request` gives requestParameters (null without it), and nothing is answered in the record. */
export function read(
  name: string,
  weight: number,
  request: (scene: Scene) => unknown = () => null,
  options: Options = {},
): EventTemplate {
  return { name, readOnly: true, weight, call: (scene) => ({ request: request(scene) }), ...options };
}

/** A read whose record has more than requestParameters. */
export function readFull(
  name: string,
  weight: number,
  call: (scene: Scene) => Call,
  options: Options = {},
): EventTemplate {
  return { name, readOnly: true, weight, call, ...options };
}

export function write(
  name: string,
  weight: number,
  call: (scene: Scene) => Call,
  options: Options = {},
): EventTemplate {
  return { name, readOnly: false, weight, call, ...options };
}

/** An error whose words depend on nothing or on one of the account's names. */
export function fault(code: string, message: string | ((scene: Scene) => string)): ErrorTemplate {
  return { code, message: typeof message === 'string' ? () => message : message };
}
