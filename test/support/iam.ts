import type { PolicyDocument } from '../../src/sources/aws/least-policy';
import { type S3Server, SERVER_KEYS } from './s3-server';

/** The account of SERVER_KEYS at the S3 server. */
export const SERVER_ACCOUNT = '000000000000';

export interface RoleSpec {
  account: string;
  name: string;
  /** Whose calls may assume it. */
  trusts: string;
  externalId?: string;
  policy?: PolicyDocument | null;
}

/** Makes a role at a server that keeps to its trust policy and to what its own policy allows. @returns its ARN */
export async function makeRole(server: S3Server, role: RoleSpec): Promise<string> {
  const condition = role.externalId
    ? { Condition: { StringEquals: { 'sts:ExternalId': role.externalId } } }
    : {};
  const trust = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { AWS: role.trusts }, Action: 'sts:AssumeRole', ...condition }],
  };
  await iam(server, role.account, {
    Action: 'CreateRole',
    RoleName: role.name,
    AssumeRolePolicyDocument: JSON.stringify(trust),
  });
  if (role.policy) await putRolePolicy(server, role, role.policy);
  return `arn:aws:iam::${role.account}:role/${role.name}`;
}

/** Gives a role this policy in place of the one before. */
export async function putRolePolicy(
  server: S3Server,
  { account, name }: Pick<RoleSpec, 'account' | 'name'>,
  policy: PolicyDocument | object,
): Promise<void> {
  await iam(server, account, {
    Action: 'PutRolePolicy',
    RoleName: name,
    PolicyName: 'own',
    PolicyDocument: JSON.stringify(policy),
  });
}

/** A request as the account's root user, whose signature the server does not check. */
async function iam(server: S3Server, account: string, fields: Record<string, string>): Promise<void> {
  const key = account === SERVER_ACCOUNT ? SERVER_KEYS.accessKeyId : account;
  const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = `${key}/${stamp.slice(0, 8)}/us-east-1/iam/aws4_request`;
  const response = await fetch(server.endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-amz-date': stamp,
      authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`,
    },
    body: new URLSearchParams({ ...fields, Version: '2010-05-08' }),
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok) throw new Error(`IAM ${fields.Action} said ${response.status}: ${await response.text()}`);
}
