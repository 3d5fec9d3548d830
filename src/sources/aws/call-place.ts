import type { AwsAccess } from '../../domain/source';

/** Where a call goes, if not to the Region of the source. */
export interface CallPlace {
  region?: string;
  /** For a roleArn with `{accountId}`. */
  accountId?: string;
}

/** Whose rights a call in a place has. */
export interface CallerIdentity {
  account: string;
  arn: string;
}

/** What tells the accounts of places apart: only a role that is a pattern makes them differ. */
export function accountKey({ roleArn }: AwsAccess, { accountId }: CallPlace): string {
  return roleArn?.includes('{accountId}') ? (accountId ?? '') : '';
}
