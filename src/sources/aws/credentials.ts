import { AssumeRoleCommand, type STSClient } from '@aws-sdk/client-sts';
import { fromIni, fromNodeProviderChain } from '@aws-sdk/credential-providers';
import { Permanent } from '../../domain/errors';
import type { AwsAccess } from '../../domain/source';
import { RenewedCredentials, type SigningKeys } from './renewed-credentials';

/** Told to AWS, so that it stands in the trail of those who look who read theirs. */
const SESSION_NAME = 'trailgraph';
const ASSUME_WITHIN_MS = 15_000;
const ACCOUNT = '{accountId}';

/** The role could not be assumed; `cause` is what STS answered, or why it was not reached. */
export class RoleNotAssumed extends Error {
  override name = 'RoleNotAssumed';
  constructor(
    readonly roleArn: string,
    cause: unknown,
  ) {
    super(`the role ${roleArn} could not be assumed`, { cause });
  }
}

/**
 * The server's own credentials: a profile, or where none is named what the environment, the shared files, a web
 * identity, a container or the instance gives, in this order. Files are read anew each time.
 * @param nested settings of the clients that a profile may need for itself, such as of STS
 */
export function ambientCredentials(profile: string | null, nested: object): RenewedCredentials {
  const options = { ignoreCache: true, clientConfig: nested };
  return new RenewedCredentials(async () =>
    profile === null ? fromNodeProviderChain(options)() : fromIni({ ...options, profile })(),
  );
}

/** A role on top of what the STS client signs with. Its failures are RoleNotAssumed. */
export function roleCredentials(
  sts: () => STSClient,
  { roleArn, externalId }: { roleArn: string; externalId: string },
): RenewedCredentials {
  return new RenewedCredentials(async () => {
    try {
      const command = new AssumeRoleCommand({
        RoleArn: roleArn,
        ExternalId: externalId,
        RoleSessionName: SESSION_NAME,
      });
      const { Credentials } = await sts().send(command, {
        abortSignal: AbortSignal.timeout(ASSUME_WITHIN_MS),
      });
      return keysOf(Credentials);
    } catch (error) {
      throw new RoleNotAssumed(roleArn, error);
    }
  });
}

function keysOf(
  given: { AccessKeyId?: string; SecretAccessKey?: string; SessionToken?: string; Expiration?: Date } = {},
): SigningKeys {
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = given;
  if (!AccessKeyId || !SecretAccessKey || !SessionToken) throw new Error('STS answered without credentials');
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken,
    ...(Expiration ? { expiration: Expiration } : {}),
  };
}

/**
 * The role to assume in this account; null where the source has none.
 * @throws Permanent where the role is a pattern and no account is named
 */
export function roleOf(access: AwsAccess, accountId: string | undefined): string | null {
  if (!access.roleArn?.includes(ACCOUNT)) return access.roleArn;
  if (accountId === undefined) {
    throw new Permanent(`the role ${access.roleArn} is a pattern, and nothing says for which account`, {
      remedy:
        'Name the accounts (accountIds of a LOOKUP_EVENTS source), or write the account into roleArn instead of {accountId}.',
    });
  }
  return access.roleArn.replaceAll(ACCOUNT, accountId);
}
