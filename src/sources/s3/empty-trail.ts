import type { FetchNote } from '../../domain/fetched';
import type { S3BucketConfig } from '../../domain/source';
import type { BucketListing } from './bucket-listing';
import type { Survey } from './partitions';

/** Names shown to people. */
const SHOWN = 8;

/** Says why a source finds no trail in its bucket, and what is there instead. */
export async function emptyTrailNote(
  listing: BucketListing,
  config: S3BucketConfig,
  survey: Survey,
): Promise<FetchNote> {
  const at = (prefix: string) => `s3://${listing.bucket}/${prefix}`;
  const found = survey.accounts.flatMap(({ regions }) => regions);
  if (found.length > 0) {
    return {
      warning: `nothing under ${at(survey.root)} is of the Regions ${some(config.regions ?? [])}`,
      remedy: `There are ${some([...new Set(found)])}: choose among these, or leave the Regions out.`,
    };
  }
  const account = survey.accounts[0];
  if (account) {
    const there = await listing.glimpse(account.prefix, SHOWN);
    return {
      warning: `nothing under ${at(`${account.prefix}CloudTrail/`)}: the account has no log files of a trail there`,
      remedy: `There are ${some(there)}. Check that the trail writes to this bucket and prefix, and give it 15 minutes.`,
    };
  }
  const accounts = survey.homes.flatMap((home) => home.accounts);
  if (accounts.length > 0) {
    return {
      warning: `nothing under ${at(survey.root)} is of the accounts ${some(config.accountIds ?? [])}`,
      remedy: `There are ${some(accounts)}: choose among these, or leave the accounts out.`,
    };
  }
  const looked = survey.homes[0]?.prefix ?? survey.root;
  return {
    warning: `nothing under ${at(looked)}: no account has log files there`,
    remedy: await hint(listing, config, survey),
  };
}

async function hint(listing: BucketListing, config: S3BucketConfig, survey: Survey): Promise<string> {
  if (/(^|\/)AWSLogs(\/|$)/.test(config.prefix ?? '')) {
    return 'Leave AWSLogs and what follows out of the prefix: it is what stands before AWSLogs in the keys.';
  }
  const inRoot = survey.rootFolders ?? (await listing.folders(survey.root));
  if (inRoot.length > 0) {
    const expected = config.organizationId
      ? "Check the organization's id."
      : 'Folders of accounts (12 digits) or of an organization (o-...) belong there.';
    return `Under ${survey.root} there are ${some(inRoot)}. ${expected}`;
  }
  const trailAt = await findTrail(listing);
  if (trailAt !== null) {
    return trailAt === ''
      ? 'There is an AWSLogs/ at the top of the bucket: leave the prefix out.'
      : `There is an AWSLogs/ under ${trailAt}/: set the prefix to ${trailAt}.`;
  }
  const top = await listing.glimpse('', SHOWN);
  const there = top.length > 0 ? `At the top of the bucket there are ${some(top)}.` : 'The bucket is empty.';
  return `${there} Check the prefix, and that a trail writes to this bucket; a new trail takes up to 15 minutes.`;
}

/** The prefix of a trail at the top of the bucket or one folder below; null where none is seen there. */
async function findTrail(listing: BucketListing): Promise<string | null> {
  const top = await listing.glimpse('', 100);
  if (top.includes('AWSLogs/')) return '';
  for (const folder of top.filter((name) => name.endsWith('/')).slice(0, SHOWN)) {
    if ((await listing.glimpse(`${folder}AWSLogs/`, 1)).length > 0) return folder.slice(0, -1);
  }
  return null;
}

function some(names: string[]): string {
  if (names.length === 0) return 'none';
  const shown = names.slice(0, SHOWN).map((name) => name.slice(0, 80));
  return `${shown.join(', ')}${names.length > SHOWN ? ' and more' : ''}`;
}
