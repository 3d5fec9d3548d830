import { Permanent } from '../../domain/errors';
import type { LookupEventsConfig, Source } from '../../domain/source';
import type { LookupPlace } from './lookup-requests';
import { regionsOf } from './regions';

/** The settings that a source of this kind has. @throws Permanent where it has none */
export function lookupConfigOf(source: Source): LookupEventsConfig {
  if (!source.lookupEvents)
    throw new Permanent(`the source "${source.name}" has no settings of LookupEvents`);
  return source.lookupEvents;
}

/**
 * Every account and Region that a source reads: each account of its list where roleArn has `{accountId}`, else the one
 * of its credentials, which `callerAccount` tells.
 * @throws Permanent with a remedy where there is no account to read, and what `callerAccount` throws
 */
export async function placesOf(source: Source, callerAccount: () => Promise<string>): Promise<LookupPlace[]> {
  const { regions, accountIds } = lookupConfigOf(source);
  const assumed = source.aws?.roleArn?.includes('{accountId}') ?? false;
  if (assumed && accountIds.length === 0) {
    throw new Permanent('roleArn has {accountId}, but the source lists no accounts', {
      remedy: "List the accounts in lookupEvents.accountIds, or write the role's account into roleArn.",
    });
  }
  const accounts = assumed ? [...new Set(accountIds)] : [await callerAccount()];
  return accounts.flatMap((accountId) =>
    regionsOf(regions, source.aws?.region ?? null).map(({ name: region, optIn }) => ({
      source,
      accountId,
      region,
      optIn,
      assumed,
    })),
  );
}
