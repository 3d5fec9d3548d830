import type { Scene } from '../scene';
import { fault, read, readFull, type ServiceTemplate, write } from '../template';
import { later, wordedTime } from '../times';

/** AssumeRole and its kin are not here: they begin the chains of sessions (see `../assume-role.ts`). */
export const STS: ServiceTemplate = {
  source: 'sts.amazonaws.com',
  eventVersion: '1.11',
  errors: 'query',
  events: [
    read('GetCallerIdentity', 26),
    read('GetAccessKeyInfo', 1, (s) => ({ accessKeyId: s.iamId('AKIA', s.person(), 20) })),
    readFull(
      'GetSessionToken',
      2,
      (s) => {
        const name = s.self();
        return {
          request: { durationSeconds: 3600, serialNumber: s.globalArn('iam', `mfa/${name}`) },
          response: {
            credentials: {
              accessKeyId: s.iamId('ASIA', s.requestId, 20),
              sessionToken: `IQoJb3JpZ2luX2VjE${s.dice.base64(60)}`,
              expiration: wordedTime(later(s.time, 3600)),
            },
          },
        };
      },
      { by: ['user'] },
    ),
    readFull(
      'GetFederationToken',
      1,
      (s) => {
        const name = s.person();
        return {
          request: { name, durationSeconds: 3600 },
          response: {
            credentials: {
              accessKeyId: s.iamId('ASIA', s.requestId, 20),
              sessionToken: `IQoJb3JpZ2luX2VjE${s.dice.base64(60)}`,
              expiration: wordedTime(later(s.time, 3600)),
            },
            federatedUser: {
              federatedUserId: `${s.account.id}:${name}`,
              arn: s.globalArn('sts', `federated-user/${name}`),
            },
            packedPolicySize: 6,
          },
        };
      },
      { by: ['user'] },
    ),
    write('DecodeAuthorizationMessage', 1, () => ({ request: null }), { by: ['user'] }),
  ],
};

/** ConsoleLogin is not here: it has a shape of its own (see `../console-login.ts`). */
export const SIGNIN: ServiceTemplate = {
  source: 'signin.amazonaws.com',
  eventVersion: '1.09',
  errors: 'json',
  events: [
    write(
      'CheckMfa',
      3,
      () => ({ request: null, response: { CheckMfa: 'Success' }, additional: { MfaType: 'Virtual MFA' } }),
      {
        by: ['console'],
        eventType: 'AwsConsoleSignIn',
        infallible: true,
      },
    ),
    write(
      'SwitchRole',
      2,
      (s) => ({
        request: null,
        response: { SwitchRole: 'Success' },
        additional: {
          SwitchFrom: s.globalArn('iam', `user/${s.person()}`),
          RedirectTo: `https://${s.region}.console.aws.amazon.com/ec2/home`,
        },
      }),
      { by: ['role'], eventType: 'AwsConsoleSignIn', infallible: true },
    ),
  ],
};

const IDENTITY_STORE = 'd-9067642ac7';
const permissionSet = (s: Scene) =>
  `arn:aws:sso:::permissionSet/ssoins-7223a1f0c4be1d95/${s.owned('ps-', 4, 16)}`;

/** IAM Identity Center: the portal that people sign in to, and its administration. */
export const SSO: ServiceTemplate = {
  source: 'sso.amazonaws.com',
  eventVersion: '1.10',
  errors: 'json',
  events: [
    write('Authenticate', 5, () => ({ request: null, details: { CredentialType: 'PASSWORD' } }), {
      by: ['portal'],
      eventType: 'AwsServiceEvent',
      infallible: true,
    }),
    readFull(
      'Federate',
      5,
      (s) => ({
        request: null,
        details: { role_name: 'PowerUserAccess', account_id: s.account.id, relayId: s.dice.uuid() },
      }),
      { by: ['portal', 'centre'], eventType: 'AwsServiceEvent', infallible: true },
    ),
    read('ListProfilesForApplication', 2, (s) => ({ instanceId: s.owned('app-', 3, 16) }), {
      by: ['portal', 'centre'],
    }),
    read('ListAccountAssignments', 2, (s) => ({
      instanceArn: 'arn:aws:sso:::instance/ssoins-7223a1f0c4be1d95',
      accountId: s.account.id,
      permissionSetArn: permissionSet(s),
    })),
    write('CreateAccountAssignment', 1, (s) => {
      const request = {
        instanceArn: 'arn:aws:sso:::instance/ssoins-7223a1f0c4be1d95',
        targetId: s.account.id,
        targetType: 'AWS_ACCOUNT',
        permissionSetArn: permissionSet(s),
        principalType: 'USER',
        principalId: s.ownedUuid('sso user'),
      };
      const { instanceArn: _, ...status } = request;
      return {
        request,
        response: {
          accountAssignmentCreationStatus: {
            status: 'IN_PROGRESS',
            requestId: s.dice.uuid(),
            ...status,
            createdDate: wordedTime(s.time),
          },
        },
      };
    }),
  ],
};

export const IDENTITY_STORE_SERVICE: ServiceTemplate = {
  source: 'identitystore.amazonaws.com',
  eventVersion: '1.10',
  errors: 'json',
  events: [
    read('DescribeUser', 3, (s) => ({ identityStoreId: IDENTITY_STORE, userId: s.ownedUuid('sso user') }), {
      by: ['centre', 'centre', 'workload', 'console'],
      errors: [fault('ResourceNotFoundException', 'USER not found.')],
    }),
    read(
      'ListGroupMembershipsForMember',
      2,
      (s) => ({ identityStoreId: IDENTITY_STORE, memberId: { userId: s.ownedUuid('sso user') } }),
      { by: ['centre', 'workload'] },
    ),
  ],
};

/** Directory Service, whose directories have users of their own. */
export const DIRECTORY: ServiceTemplate = {
  source: 'ds.amazonaws.com',
  eventVersion: '1.09',
  errors: 'json',
  events: [
    read('DescribeDirectories', 2, (s) => ({ directoryIds: [s.owned('d-90', 1, 8)] })),
    write(
      'ResetUserPassword',
      2,
      (s) => ({
        request: {
          directoryId: s.owned('d-90', 1, 8),
          userName: s.person(),
          newPassword: 'HIDDEN_DUE_TO_SECURITY_REASONS',
        },
      }),
      {
        by: ['directory'],
        errors: [fault('UserDoesNotExistException', 'User does not exist in the directory.')],
      },
    ),
    read('AuthenticateUser', 3, (s) => ({ directoryId: s.owned('d-90', 1, 8), userName: s.person() }), {
      by: ['directory'],
    }),
  ],
};
