import type { Scene } from '../scene';
import { type Call, fault, read, readFull, type ServiceTemplate, write } from '../template';
import { later, wordedTime } from '../times';

function withKey(
  s: Scene,
  parameters: (keyArn: string) => Record<string, unknown>,
  response?: unknown,
): Call {
  const ARN = s.keyArn();
  return {
    request: parameters(ARN),
    response: response ?? null,
    resources: [{ accountId: s.account.id, type: 'AWS::KMS::Key', ARN }],
  };
}

const keyErrors = [
  fault('NotFoundException', (s) => `Key '${s.keyArn()}' does not exist`),
  fault('DisabledException', (s) => `${s.keyArn()} is disabled.`),
  fault('KMSInvalidStateException', (s) => `${s.keyArn()} is pending deletion.`),
];

function decrypt(s: Scene): Call {
  return withKey(s, () => {
    const context = s.dice.chance(0.5)
      ? { SecretARN: s.secret().arn, SecretVersionId: s.dice.uuid() }
      : { 'aws:s3:arn': `arn:aws:s3:::${s.bucket()}` };
    return { encryptionContext: context, encryptionAlgorithm: 'SYMMETRIC_DEFAULT' };
  });
}

export const KMS: ServiceTemplate = {
  source: 'kms.amazonaws.com',
  eventVersion: '1.11',
  errors: 'json',
  events: [
    readFull('Decrypt', 36, decrypt, {
      by: ['workload', 'workload', 'forwarded', 'internal', 'service', 'user', 'foreign'],
      service: 'secretsmanager.amazonaws.com',
      errors: keyErrors,
    }),
    readFull(
      'Encrypt',
      5,
      (s) =>
        withKey(s, () => ({
          keyId: s.keyAlias(),
          encryptionAlgorithm: 'SYMMETRIC_DEFAULT',
          encryptionContext: { PARAMETER_ARN: s.arn('ssm', `parameter/${s.team()}/token`) },
        })),
      { errors: keyErrors },
    ),
    readFull(
      'GenerateDataKey',
      18,
      (s) =>
        withKey(s, (keyId) => ({
          keyId,
          keySpec: 'AES_256',
          encryptionContext: { 'aws:cloudtrail:arn': s.arn('cloudtrail', 'trail/organization') },
        })),
      {
        by: ['service', 'forwarded', 'workload', 'workload'],
        service: 'cloudtrail.amazonaws.com',
        errors: keyErrors,
      },
    ),
    readFull('DescribeKey', 8, (s) => withKey(s, (keyId) => ({ keyId })), { errors: keyErrors }),
    read('ListAliases', 3, () => ({ limit: 100 })),
    readFull('GetKeyPolicy', 2, (s) => withKey(s, (keyId) => ({ keyId, policyName: 'default' })), {
      errors: keyErrors,
    }),
    write('CreateGrant', 2, (s) =>
      withKey(
        s,
        (keyId) => ({
          keyId,
          granteePrincipal: s.roleArn(),
          operations: ['Decrypt', 'GenerateDataKeyWithoutPlaintext', 'CreateGrant'],
          constraints: { encryptionContextSubset: { 'aws:ebs:id': s.owned('vol-0', 10, 16) } },
        }),
        { grantId: s.dice.hex(64) },
      ),
    ),
    write(
      'ScheduleKeyDeletion',
      1,
      (s) => {
        const call = withKey(s, (keyId) => ({ keyId, pendingWindowInDays: 30 }));
        return {
          ...call,
          response: {
            keyId: call.resources?.[0]?.ARN,
            keyState: 'PendingDeletion',
            pendingWindowInDays: 30,
            deletionDate: wordedTime(later(s.time, 30 * 86_400)),
          },
        };
      },
      { errors: keyErrors },
    ),
    write('DisableKey', 1, (s) => withKey(s, (keyId) => ({ keyId })), { errors: keyErrors }),
    write(
      'RotateKey',
      1,
      (s) => {
        const { resources } = withKey(s, () => ({}));
        return {
          request: null,
          resources: resources ?? [],
          details: { keyId: resources?.[0]?.ARN.split('/')[1] },
        };
      },
      { by: ['service'], service: 'AWS Internal', eventType: 'AwsServiceEvent', infallible: true },
    ),
  ],
};
