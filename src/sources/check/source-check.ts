import type { Source } from '../../domain/source';
import type { AccessReport } from '../../domain/source-check';
import type { AwsClients } from '../aws/aws-clients';
import { type Learned, leastPolicy } from '../aws/least-policy';
import { checkAccess } from './access-check';
import { checkBucket } from './bucket-check';
import { CheckRun } from './check-run';
import { checkLookup, firstPlace } from './lookup-check';
import { checkQueue } from './queue-check';

const WHOLE_TEST_MS = 28_000;

/**
 * Tries step by step what a source would do; nothing is stored, nothing is changed at AWS. Takes at most 28 s, and
 * never throws: what goes wrong is told by the steps.
 * @param aws used for this test alone; whoever gives it closes it
 */
export async function checkSource(
  source: Source,
  aws: AwsClients,
  signal: AbortSignal,
): Promise<AccessReport> {
  const run = new CheckRun(AbortSignal.any([signal, AbortSignal.timeout(WHOLE_TEST_MS)]));
  if (!source.aws) {
    await run.step({ name: 'credentials', work: async () => ({ ...nothingToReach(source), value: true }) });
    return { callerArn: null, account: null, checks: run.checks, sampleRecords: [], policyDocument: null };
  }
  const place = source.kind === 'LOOKUP_EVENTS' ? firstPlace(source) : {};
  const access = await checkAccess(run, aws, source, place);
  let sampleRecords: object[] = [];
  let learned: Learned = {};
  if (source.kind === 'LOOKUP_EVENTS') sampleRecords = await checkLookup(run, aws, source, access);
  else {
    const check = source.kind === 'S3_BUCKET' ? checkBucket : checkQueue;
    const file = await check(run, aws, source, access);
    sampleRecords = file.records;
    learned = file.learned;
  }
  return {
    callerArn: access?.identity?.arn ?? null,
    account: access?.identity?.account ?? null,
    checks: run.checks,
    sampleRecords,
    policyDocument: leastPolicy(source, learned),
  };
}

function nothingToReach({ kind }: Source): { status: 'PASS'; message: string } {
  const message =
    kind === 'HTTP_PUSH'
      ? 'Nothing needs to be reached: records are pushed to this server, opened by the ingest token.'
      : 'Nothing needs to be reached: the records are made up here.';
  return { status: 'PASS', message };
}
