import type { Scene } from '../scene';
import { type Call, fault, read, readFull, type ServiceTemplate, write } from '../template';
import { later, wordedTime } from '../times';

const noSecret = [
  fault('ResourceNotFoundException', "Secrets Manager can't find the specified secret."),
  fault(
    'InvalidRequestException',
    "You can't perform this operation on the secret because it was marked for deletion.",
  ),
];

export const SECRETS_MANAGER: ServiceTemplate = {
  source: 'secretsmanager.amazonaws.com',
  eventVersion: '1.11',
  errors: 'json',
  events: [
    read('GetSecretValue', 16, (s) => ({ secretId: s.secret().arn, versionStage: 'AWSCURRENT' }), {
      errors: noSecret,
    }),
    read('DescribeSecret', 6, (s) => ({ secretId: s.secret().arn }), { errors: noSecret }),
    read('ListSecrets', 3, () => ({ maxResults: 100, includePlannedDeletion: false })),
    write(
      'CreateSecret',
      1,
      (s) => {
        const name = `${s.team()}/key-${s.dice.below(90)}`;
        return {
          request: {
            name,
            clientRequestToken: s.dice.uuid(),
            description: '',
            forceOverwriteReplicaSecret: false,
          },
          response: {
            arn: s.arn('secretsmanager', `secret:${name}-${s.dice.base32(6)}`),
            name,
            versionId: s.dice.uuid(),
          },
        };
      },
      {
        errors: [
          fault(
            'ResourceExistsException',
            (s) => `The operation failed because the secret ${s.secret().name} already exists.`,
          ),
        ],
      },
    ),
    write(
      'PutSecretValue',
      1,
      (s) => {
        const { arn } = s.secret();
        return { request: { secretId: arn, clientRequestToken: s.dice.uuid() }, response: { arn } };
      },
      { errors: noSecret },
    ),
    write(
      'DeleteSecret',
      1,
      (s) => {
        const { arn, name } = s.secret();
        return {
          request: { secretId: arn, recoveryWindowInDays: 30 },
          response: { aRN: arn, name, deletionDate: wordedTime(later(s.time, 30 * 86_400)) },
        };
      },
      { errors: noSecret },
    ),
    write(
      'RotateSecret',
      1,
      (s) => {
        const { arn, name } = s.secret();
        return {
          request: { secretId: arn, clientRequestToken: s.dice.uuid(), rotateImmediately: true },
          response: { arn, name, versionId: s.dice.uuid() },
        };
      },
      { errors: noSecret },
    ),
  ],
};

const parameterName = (s: Scene) =>
  `/${s.team()}/${s.dice.pick(['db-url', 'log-level', 'feature-x', 'token'])}`;

function parameter(s: Scene, more: Record<string, unknown>, response?: unknown): Call {
  const name = parameterName(s);
  return {
    request: { name, ...more },
    response: response ?? null,
    resources: [{ accountId: s.account.id, ARN: s.arn('ssm', `parameter${name}`) }],
  };
}

function sendCommand(s: Scene): Call {
  const instanceIds = [s.owned('i-0', 12, 16)];
  const hidden = 'HIDDEN_DUE_TO_SECURITY_REASONS';
  return {
    request: { instanceIds, documentName: 'AWS-RunShellScript', parameters: hidden, interactive: false },
    response: {
      command: {
        commandId: s.dice.uuid(),
        documentName: 'AWS-RunShellScript',
        documentVersion: '$DEFAULT',
        comment: '',
        expiresAfter: wordedTime(later(s.time, 7200)),
        parameters: hidden,
        instanceIds,
        targets: [],
        requestedDateTime: wordedTime(s.time),
        status: 'Pending',
        statusDetails: 'Pending',
        maxConcurrency: '50',
        maxErrors: '0',
        targetCount: 1,
        completedCount: 0,
        errorCount: 0,
      },
    },
  };
}

export const SSM: ServiceTemplate = {
  source: 'ssm.amazonaws.com',
  eventVersion: '1.11',
  errors: 'json',
  events: [
    readFull('GetParameter', 18, (s) => parameter(s, { withDecryption: s.dice.chance(0.6) }), {
      errors: [fault('ParameterNotFound', '')],
    }),
    read('GetParameters', 5, (s) => ({ names: [parameterName(s), parameterName(s)], withDecryption: true })),
    read('DescribeParameters', 4, () => ({ maxResults: 50, shared: false })),
    read('DescribeInstanceInformation', 4, (s) => ({
      filters: [{ key: 'InstanceIds', values: [s.owned('i-0', 12, 16)] }],
    })),
    write(
      'PutParameter',
      3,
      (s) =>
        parameter(
          s,
          {
            value: 'HIDDEN_DUE_TO_SECURITY_REASONS',
            type: 'SecureString',
            overwrite: true,
            tier: 'Standard',
          },
          { version: s.dice.between(1, 40), tier: 'Standard' },
        ),
      {
        errors: [
          fault(
            'ParameterAlreadyExists',
            'The parameter already exists. To overwrite this value, set the overwrite option in the request to true.',
          ),
        ],
      },
    ),
    write(
      'UpdateInstanceInformation',
      12,
      (s) => {
        const iPAddress = s.privateAddress();
        return {
          request: {
            instanceId: s.owned('i-0', 12, 16),
            agentVersion: '3.3.2299.0',
            agentStatus: 'Active',
            platformType: 'Linux',
            platformName: 'Amazon Linux',
            platformVersion: '2023',
            iPAddress,
            computerName: `ip-${iPAddress.replaceAll('.', '-')}.${s.region}.compute.internal`,
            agentName: 'amazon-ssm-agent',
          },
        };
      },
      { by: ['workload', 'endpoint'] },
    ),
    write('SendCommand', 1, sendCommand, {
      errors: [
        fault(
          'InvalidInstanceId',
          (s) => `Instances [[${s.owned('i-0', 12, 16)}]] not in a valid state for account ${s.account.id}`,
        ),
      ],
    }),
    write(
      'StartSession',
      2,
      (s) => {
        const sessionId = `${s.self()}-0${s.dice.hex(16)}`;
        return {
          request: { target: s.owned('i-0', 12, 16) },
          response: {
            sessionId,
            tokenValue: 'Value hidden due to security reasons.',
            streamUrl: `wss://ssmmessages.${s.region}.amazonaws.com/v1/data-channel/${sessionId}?role=publish_subscribe`,
          },
        };
      },
      { errors: [fault('TargetNotConnected', (s) => `${s.owned('i-0', 12, 16)} is not connected.`)] },
    ),
  ],
};
