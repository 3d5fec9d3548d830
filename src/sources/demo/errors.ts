import type { Scene } from './scene';
import { type ErrorTemplate, type EventTemplate, fault, type ServiceTemplate } from './template';

/** A failure that goes into a record; `blind` when the service refused before it had read the parameters. */
export interface Failure {
  code: string;
  message: string;
  blind: boolean;
}

/** Versions that Lambda and CloudFront put into event names are no part of the action's name. */
function actionOf(service: ServiceTemplate, event: EventTemplate): string {
  const prefix = service.actions ?? service.source.slice(0, service.source.indexOf('.'));
  return `${prefix}:${event.name.replace(/20\d\d_?\d\d_?\d\d(v\d)?$/, '')}`;
}

const DENIALS = [
  (action: string) => `because no identity-based policy allows the ${action} action`,
  (action: string) => `because no identity-based policy allows the ${action} action`,
  () => 'with an explicit deny in a service control policy',
  () => 'with an explicit deny in an identity-based policy',
  (action: string) => `because no permissions boundary allows the ${action} action`,
];

function denied(service: ServiceTemplate, event: EventTemplate, scene: Scene): Failure {
  const action = actionOf(service, event);
  const because = scene.dice.pick(DENIALS)(action);
  const refusal = `User: ${scene.actor.arn} is not authorized to perform: ${action} on resource: `;
  switch (service.errors) {
    case 's3':
      return scene.dice.chance(0.5)
        ? { code: 'AccessDenied', message: 'Access Denied', blind: false }
        : {
            code: 'AccessDenied',
            message: `${refusal}"arn:aws:s3:::${scene.bucket()}" ${because}`,
            blind: false,
          };
    case 'ec2':
      return {
        code: 'Client.UnauthorizedOperation',
        message:
          `You are not authorized to perform this operation. ${refusal}` +
          `${scene.arn('ec2', `instance/${scene.owned('i-0', 12, 16)}`)} ${because}. ` +
          `Encoded authorization failure message: ${scene.dice.base64(120).replaceAll('/', '_').replaceAll('+', '-')}`,
        blind: false,
      };
    case 'query':
      return { code: 'AccessDenied', message: `${refusal}${scene.roleArn()} ${because}`, blind: true };
    case 'json':
      return { code: 'AccessDeniedException', message: `${refusal}* ${because}`, blind: true };
  }
}

const THROTTLED: Readonly<Record<ServiceTemplate['errors'], ErrorTemplate>> = {
  ec2: fault('Client.RequestLimitExceeded', 'Request limit exceeded.'),
  s3: fault('SlowDown', 'Please reduce your request rate.'),
  query: fault('ThrottlingException', 'Rate exceeded'),
  json: fault('ThrottlingException', 'Rate exceeded'),
};

const COMMON: Readonly<Record<ServiceTemplate['errors'], readonly ErrorTemplate[]>> = {
  ec2: [
    fault('Client.DryRunOperation', 'Request would have succeeded, but DryRun flag is set.'),
    fault(
      'Client.InvalidParameterValue',
      'Invalid value for parameter maxResults. Expected a value between 5 and 1000',
    ),
  ],
  s3: [fault('NoSuchBucket', 'The specified bucket does not exist')],
  query: [fault('ValidationError', '1 validation error detected: Value null at parameter is not allowed')],
  json: [fault('ValidationException', 'The request signature or one of its parameters is not valid')],
};

/** One failure of this call: refused in half of the cases, else throttled or what is typical of the event. */
export function failureOf(service: ServiceTemplate, event: EventTemplate, scene: Scene): Failure {
  const roll = scene.dice.below(100);
  if (roll < 50) return denied(service, event, scene);
  if (roll < 65) return { ...filled(THROTTLED[service.errors], scene), blind: service.errors !== 's3' };
  return { ...filled(scene.dice.pick(event.errors ?? COMMON[service.errors]), scene), blind: false };
}

function filled(error: ErrorTemplate, scene: Scene): { code: string; message: string } {
  return { code: error.code, message: error.message(scene) };
}
