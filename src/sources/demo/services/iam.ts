import type { Scene } from '../scene';
import { fault, read, type ServiceTemplate, write } from '../template';
import { wordedTime } from '../times';

const noUser = [
  fault('NoSuchEntityException', (s) => `The user with name ${s.person()}-old cannot be found.`),
];
const noRole = [
  fault('NoSuchEntityException', (s) => `The role with name ${s.roleName()}-v1 cannot be found.`),
];
const exists = [
  fault('EntityAlreadyExistsException', (s) => `User with name ${s.person()} already exists.`),
  fault('LimitExceededException', 'Cannot exceed quota for AccessKeysPerUser: 2'),
];

const MANAGED_POLICIES = [
  'ReadOnlyAccess',
  'AmazonS3ReadOnlyAccess',
  'AdministratorAccess',
  'SecurityAudit',
  'AWSLambda_FullAccess',
];
const managed = (s: Scene) => `arn:aws:iam::aws:policy/${s.dice.pick(MANAGED_POLICIES)}`;

const trust = (service: string) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' }],
  });
const TRUST_LAMBDA = trust('lambda.amazonaws.com');
const READ_POLICY = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: ['s3:GetObject', 's3:ListBucket'], Resource: '*' }],
});

function createUser(s: Scene) {
  const userName = `svc-${s.serviceName()}`;
  const tags = [{ key: 'team', value: s.team() }];
  return {
    request: { userName, path: '/', tags },
    response: {
      user: {
        path: '/',
        arn: s.globalArn('iam', `user/${userName}`),
        tags,
        userId: s.iamId('AIDA', s.requestId),
        createDate: wordedTime(s.time),
        userName,
      },
    },
  };
}

function createAccessKey(s: Scene) {
  const userName = s.person();
  return {
    request: { userName },
    response: {
      accessKey: {
        accessKeyId: s.iamId('AKIA', s.requestId, 20),
        status: 'Active',
        userName,
        createDate: wordedTime(s.time),
      },
    },
  };
}

function createRole(s: Scene) {
  const roleName = `${s.serviceName()}-lambda`;
  return {
    request: {
      path: '/',
      roleName,
      assumeRolePolicyDocument: TRUST_LAMBDA,
      maxSessionDuration: 3600,
      description: '',
    },
    response: {
      role: {
        path: '/',
        roleName,
        roleId: s.iamId('AROA', s.requestId),
        arn: s.globalArn('iam', `role/${roleName}`),
        createDate: wordedTime(s.time),
        assumeRolePolicyDocument: encodeURIComponent(TRUST_LAMBDA),
      },
    },
  };
}

function createPolicy(s: Scene) {
  const policyName = `${s.serviceName()}-read`;
  const date = wordedTime(s.time);
  return {
    request: { policyDocument: READ_POLICY, path: '/', description: '', policyName },
    response: {
      policy: {
        policyName,
        defaultVersionId: 'v1',
        attachmentCount: 0,
        createDate: date,
        permissionsBoundaryUsageCount: 0,
        isAttachable: true,
        arn: s.globalArn('iam', `policy/${policyName}`),
        path: '/',
        updateDate: date,
        policyId: s.iamId('ANPA', s.requestId),
      },
    },
  };
}

function createLoginProfile(s: Scene) {
  const userName = s.person();
  return {
    request: { passwordResetRequired: true, userName },
    response: { loginProfile: { passwordResetRequired: true, userName, createDate: wordedTime(s.time) } },
  };
}

function createVirtualMfa(s: Scene) {
  const virtualMFADeviceName = s.person();
  return {
    request: { path: '/', virtualMFADeviceName },
    response: { virtualMFADevice: { serialNumber: s.globalArn('iam', `mfa/${virtualMFADeviceName}`) } },
  };
}

function deactivateMfa(s: Scene) {
  const userName = s.person();
  return { request: { serialNumber: s.globalArn('iam', `mfa/${userName}`), userName } };
}

export const IAM: ServiceTemplate = {
  source: 'iam.amazonaws.com',
  eventVersion: '1.11',
  errors: 'query',
  global: true,
  events: [
    read('GetUser', 10, (s) => ({ userName: s.person() }), { errors: noUser }),
    read('ListUsers', 4, () => ({ maxItems: 1000 })),
    read('GetRole', 14, (s) => ({ roleName: s.roleName() }), { errors: noRole }),
    read('ListRoles', 6, () => ({ maxItems: 100 })),
    read('ListRolePolicies', 4, (s) => ({ roleName: s.roleName() }), { errors: noRole }),
    read('ListAttachedRolePolicies', 8, (s) => ({ roleName: s.roleName() }), { errors: noRole }),
    read('GetPolicyVersion', 4, (s) => ({ policyArn: managed(s), versionId: `v${s.dice.between(1, 5)}` })),
    read('ListAccessKeys', 5, (s) => ({ userName: s.person() }), { errors: noUser }),
    read('GetAccessKeyLastUsed', 3, (s) => ({ accessKeyId: s.iamId('AKIA', s.person(), 20) })),
    read('ListMFADevices', 3, (s) => ({ userName: s.person() }), { errors: noUser }),
    read('GetAccountSummary', 3),
    read('GetAccountAuthorizationDetails', 1),
    read('GenerateCredentialReport', 1),
    write('CreateUser', 2, createUser, { errors: exists }),
    write('DeleteUser', 1, (s) => ({ request: { userName: `svc-${s.serviceName()}` } }), {
      errors: [fault('DeleteConflictException', 'Cannot delete entity, must detach all policies first.')],
    }),
    write('CreateAccessKey', 2, createAccessKey, { errors: exists }),
    write('UpdateAccessKey', 1, (s) => {
      const userName = s.person();
      return { request: { status: 'Inactive', userName, accessKeyId: s.iamId('AKIA', userName, 20) } };
    }),
    write('DeleteAccessKey', 1, (s) => {
      const userName = s.person();
      return { request: { userName, accessKeyId: s.iamId('AKIA', userName, 20) } };
    }),
    write('CreateRole', 2, createRole, { errors: exists }),
    write('AttachRolePolicy', 3, (s) => ({ request: { roleName: s.roleName(), policyArn: managed(s) } }), {
      errors: noRole,
    }),
    write('DetachRolePolicy', 1, (s) => ({ request: { roleName: s.roleName(), policyArn: managed(s) } }), {
      errors: noRole,
    }),
    write('AttachUserPolicy', 1, (s) => ({ request: { userName: s.person(), policyArn: managed(s) } }), {
      errors: noUser,
    }),
    write('PutRolePolicy', 2, (s) => ({
      request: { roleName: s.roleName(), policyName: 'inline', policyDocument: READ_POLICY },
    })),
    write('UpdateAssumeRolePolicy', 1, (s) => ({
      request: { roleName: s.roleName(), policyDocument: TRUST_LAMBDA },
    })),
    write('CreatePolicy', 1, createPolicy),
    write('AddUserToGroup', 1, (s) => ({ request: { groupName: 'developers', userName: s.person() } }), {
      errors: noUser,
    }),
    write('CreateLoginProfile', 1, createLoginProfile, { errors: exists }),
    write('CreateVirtualMFADevice', 1, createVirtualMfa),
    write('DeactivateMFADevice', 1, deactivateMfa),
    write('UpdateAccountPasswordPolicy', 1, () => ({
      request: {
        minimumPasswordLength: 14,
        requireSymbols: true,
        requireNumbers: true,
        requireUppercaseCharacters: true,
        requireLowercaseCharacters: true,
        allowUsersToChangePassword: true,
        maxPasswordAge: 90,
        passwordReusePrevention: 24,
      },
    })),
    write('ChangePassword', 1, () => ({ request: null }), { by: ['console'] }),
  ],
};
