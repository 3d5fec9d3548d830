import type { Source } from '../../domain/source';
import type { SourceCheck } from '../../domain/source-check';

/** Says of each source with which this one shares events: they are stored once, and counted twice. */
export function overlapChecks(
  source: Source,
  others: readonly Source[],
  account: string | null,
): SourceCheck[] {
  return others.flatMap((other) => {
    const shared = other._id === source._id ? null : sharedBy(source, other, account);
    if (shared === null) return [];
    return [
      {
        name: 'overlap',
        status: 'WARN' as const,
        message: `The source "${other.name}" (${other._id}) reads the same: ${shared}.`,
        remedy:
          'Each event is stored once, by the source that meets it first; the other counts duplicates and costs requests. Keep one of them.',
        awsAction: null,
      },
    ];
  });
}

function sharedBy(a: Source, b: Source, account: string | null): string | null {
  if (a.aws?.endpointUrl !== b.aws?.endpointUrl) return null;
  if (a.sqs && b.sqs) return a.sqs.queueUrl === b.sqs.queueUrl ? `the queue ${a.sqs.queueUrl}` : null;
  if (a.s3 && b.s3) return sharedFiles(a.s3, b.s3);
  if (a.lookupEvents && b.lookupEvents) {
    const regions = common(a.lookupEvents.regions, b.lookupEvents.regions);
    return regions ? sharedAccount(accountsOf(a, account), accountsOf(b, null)) : null;
  }
  const lookup = a.lookupEvents ? a : b.lookupEvents ? b : null;
  const bucket = a.s3 ? a : b.s3 ? b : null;
  if (!lookup || !bucket) return null;
  const accounts = accountsOf(lookup, lookup === a ? account : null);
  return sharedAccount(accounts, accountsOf(bucket, null));
}

/** The same prefix, and accounts and Regions in common. Trails under different prefixes are different trails. */
function sharedFiles(a: NonNullable<Source['s3']>, b: NonNullable<Source['s3']>): string | null {
  const same =
    a.bucket === b.bucket &&
    (a.prefix ?? '') === (b.prefix ?? '') &&
    common(a.accountIds ?? [], b.accountIds ?? []) &&
    common(a.regions ?? [], b.regions ?? []) &&
    common(a.organizationId ? [a.organizationId] : [], b.organizationId ? [b.organizationId] : []);
  return same ? `s3://${a.bucket}/${a.prefix ? `${a.prefix}/` : ''}` : null;
}

/** Empty: all, or nobody knows. */
function common(a: readonly string[], b: readonly string[]): boolean {
  return a.length === 0 || b.length === 0 || a.some((each) => b.includes(each));
}

function sharedAccount(a: readonly string[], b: readonly string[]): string | null {
  if (!common(a, b)) return null;
  const known = a.length > 0 ? a.filter((each) => b.length === 0 || b.includes(each)) : b;
  return known.length > 0 ? `account ${known.slice(0, 5).join(', ')}` : 'maybe the same account';
}

function accountsOf(source: Source, caller: string | null): readonly string[] {
  if (source.s3) return source.s3.accountIds ?? [];
  if (source.lookupEvents?.accountIds.length) return source.lookupEvents.accountIds;
  const ofRole = /^arn:[a-z-]+:iam::(\d{12}):/.exec(source.aws?.roleArn ?? '')?.[1];
  const account = caller ?? ofRole;
  return account ? [account] : [];
}
