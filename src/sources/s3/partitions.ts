import type { S3BucketConfig } from '../../domain/source';
import type { BucketListing } from './bucket-listing';
import { ACCOUNT_ID, LOG_FOLDERS, type LogFolder, ORGANIZATION_ID, REGION_NAME, trailRoot } from './log-key';

/** One account and Region of a trail, and one kind of log file. */
export interface Partition {
  /** `[o-id/]account/region`, of Insights `[o-id/]account/CloudTrail-Insight/region` */
  name: string;
  /** What the keys of its log files begin with, up to the day. */
  prefix: string;
}

/** What was looked at on the way to the partitions, for the case that there are none. */
export interface Survey {
  root: string;
  /** Folders right under the root; null where the organization is given. */
  rootFolders: string[] | null;
  /** Folders that were looked into for accounts. */
  homes: { prefix: string; accounts: string[] }[];
  /** Accounts that the source wants and that are there, with the Regions of each kind of log file. */
  accounts: { prefix: string; folder: LogFolder; regions: string[] }[];
}

/** Requests at a time. */
const WIDTH = 8;

/** Finds the accounts and Regions of a trail by its folders, within what the source wants. */
export async function findPartitions(
  listing: BucketListing,
  config: S3BucketConfig,
): Promise<{ partitions: Partition[]; survey: Survey }> {
  const root = trailRoot(config.prefix);
  const survey: Survey = { root, rootFolders: null, homes: [], accounts: [] };
  if (config.organizationId) {
    const prefix = `${root}${config.organizationId}/`;
    survey.homes.push({ prefix, accounts: await accountsUnder(listing, prefix) });
  } else {
    const folders = await listing.folders(root);
    survey.rootFolders = folders;
    survey.homes.push({ prefix: root, accounts: folders.filter((name) => ACCOUNT_ID.test(name)) });
    for (const name of folders.filter((folder) => ORGANIZATION_ID.test(folder))) {
      const prefix = `${root}${name}/`;
      survey.homes.push({ prefix, accounts: await accountsUnder(listing, prefix) });
    }
  }
  const wanted = (account: string) => !config.accountIds?.length || config.accountIds.includes(account);
  const accounts = survey.homes.flatMap(({ prefix, accounts }) =>
    accounts
      .filter(wanted)
      .flatMap((account) => LOG_FOLDERS.map((folder) => ({ prefix: `${prefix}${account}/`, folder }))),
  );
  for (let i = 0; i < accounts.length; i += WIDTH) {
    const regions = accounts.slice(i, i + WIDTH).map(async ({ prefix, folder }) => ({
      prefix,
      folder,
      regions: (await listing.folders(`${prefix}${folder}/`)).filter((name) => REGION_NAME.test(name)),
    }));
    survey.accounts.push(...(await Promise.all(regions)));
  }
  const partitions = survey.accounts.flatMap(({ prefix, folder, regions }) =>
    regions
      .filter((region) => !config.regions?.length || config.regions.includes(region))
      .map((region) => ({
        name: `${prefix.slice(root.length)}${folder === 'CloudTrail' ? '' : `${folder}/`}${region}`,
        prefix: `${prefix}${folder}/${region}/`,
      })),
  );
  return { partitions, survey };
}

async function accountsUnder(listing: BucketListing, prefix: string): Promise<string[]> {
  return (await listing.folders(prefix)).filter((name) => ACCOUNT_ID.test(name));
}
