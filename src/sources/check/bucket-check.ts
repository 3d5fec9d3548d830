import type { BatchObject } from '../../domain/batch';
import type { Source } from '../../domain/source';
import type { AwsClients } from '../aws/aws-clients';
import { BucketListing } from '../s3/bucket-listing';
import { emptyTrailNote } from '../s3/empty-trail';
import { trailRoot } from '../s3/log-key';
import { findPartitions, type Partition } from '../s3/partitions';
import { s3ConfigOf } from '../s3/s3-fault';
import type { CheckedAccess } from './access-check';
import type { CheckRun } from './check-run';
import { checkLogFile, type LogFileCheck } from './log-file-check';
import { newestLogFile } from './newest-log-file';
import { tryPermission } from './permission';

/** Tries what an S3_BUCKET source does: list the bucket, find a trail in it, read its newest log file. */
export async function checkBucket(
  run: CheckRun,
  aws: AwsClients,
  source: Source,
  access: CheckedAccess | null,
): Promise<LogFileCheck> {
  const config = s3ConfigOf(source);
  const root = `s3://${config.bucket}/${trailRoot(config.prefix)}`;
  const listingBy = (signal: AbortSignal) => new BucketListing(aws.s3(source), source, signal);
  const listed = await tryPermission(run, source, {
    action: 's3:ListBucket',
    restsOn: [access],
    work: async (signal) => {
      await listingBy(signal).glimpse(trailRoot(config.prefix), 1);
      return { status: 'PASS', message: `Listed ${root}`, value: true };
    },
  });
  const partitions = await run.step<Partition[] | null>({
    name: 'settings',
    awsAction: 's3:ListBucket',
    restsOn: [listed],
    work: async (signal) => {
      const listing = listingBy(signal);
      const { partitions, survey } = await findPartitions(listing, config);
      if (partitions.length > 0) {
        const message = `Found ${partitions.length} times an account and Region under ${root}`;
        return { status: 'PASS', message, value: partitions };
      }
      const { warning, remedy } = await emptyTrailNote(listing, config, survey);
      return { status: 'WARN', message: warning, remedy, value: null };
    },
  });
  const file = await run.step<BatchObject | null>({
    name: 'sample',
    awsAction: 's3:ListBucket',
    restsOn: [partitions],
    work: async (signal) => {
      const newest = await newestLogFile(listingBy(signal), partitions!);
      if (newest) return { status: 'PASS', message: `The newest log file is ${newest.key}`, value: newest };
      return {
        status: 'WARN',
        message: `There are folders under ${root}, but no log file in the newest of them.`,
        remedy: 'A new trail takes up to 15 minutes. Check that it is logging (StartLogging).',
        value: null,
      };
    },
  });
  return checkLogFile({ run, source, client: () => aws.s3(source), file });
}
