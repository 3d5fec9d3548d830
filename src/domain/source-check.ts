export type CheckStatus = 'PASS' | 'WARN' | 'FAIL' | 'SKIPPED';

/** One step of trying out a source. */
export interface SourceCheck {
  /** settings, credentials, identity, permission, sample or overlap. */
  name: string;
  status: CheckStatus;
  /** What was found, or what went wrong and with what. */
  message: string;
  /** What the operator can do. */
  remedy: string | null;
  /** The action that was tried, like `s3:ListBucket`. */
  awsAction: string | null;
}

/** What trying out a source's access has shown. */
export interface AccessReport {
  callerArn: string | null;
  /** The account that was read in; null where nobody said. */
  account: string | null;
  checks: SourceCheck[];
  /** Up to three records that the source would bring. */
  sampleRecords: object[];
  /** The least policy for the source; null for kinds that need none. */
  policyDocument: object | null;
}
