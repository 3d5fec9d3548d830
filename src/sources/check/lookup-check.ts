import { LookupEventsCommand } from '@aws-sdk/client-cloudtrail';
import type { Source } from '../../domain/source';
import type { AwsClients } from '../aws/aws-clients';
import { DEFAULT_REGION } from '../aws/aws-defaults';
import { commonFault } from '../aws/aws-fault';
import type { CallPlace } from '../aws/call-place';
import type { CheckedAccess } from './access-check';
import type { CheckRun } from './check-run';
import { SAMPLES } from './log-file-check';
import { tryPermission } from './permission';

/** The account and the Region that a test asks: the first of those that are read. */
export function firstPlace(source: Source): CallPlace {
  const { regions = [], accountIds = [] } = source.lookupEvents ?? {};
  const [accountId] = accountIds;
  return {
    region: regions[0] ?? source.aws?.region ?? DEFAULT_REGION,
    ...(accountId === undefined ? {} : { accountId }),
  };
}

/** Tries what a LOOKUP_EVENTS source does, by one request of the two that AWS allows in a second. */
export async function checkLookup(
  run: CheckRun,
  aws: AwsClients,
  source: Source,
  access: CheckedAccess | null,
): Promise<object[]> {
  const place = firstPlace(source);
  const texts = await tryPermission(run, source, {
    action: 'cloudtrail:LookupEvents',
    restsOn: [access],
    work: async (signal) => {
      const command = new LookupEventsCommand({ MaxResults: SAMPLES });
      try {
        const { Events = [] } = await aws.cloudTrail(source, place).send(command, { abortSignal: signal });
        return {
          status: 'PASS',
          message: `LookupEvents answers in ${place.region}.`,
          value: Events.map(({ CloudTrailEvent }) => CloudTrailEvent ?? ''),
        };
      } catch (error) {
        if (commonFault(error, source)?.kind !== 'busy') throw error;
        return {
          status: 'WARN',
          message: `LookupEvents is throttled in ${place.region}: the right is there, but others use up the 2 requests a second of the account.`,
          remedy: 'Look who else calls LookupEvents in this account and Region.',
          value: null,
        };
      }
    },
  });
  const records = await run.step({
    name: 'sample',
    restsOn: [texts],
    work: async () => {
      const records = texts!.map((text) => JSON.parse(text) as object);
      return records.length > 0
        ? { status: 'PASS', message: 'It gives CloudTrail records.', value: records }
        : {
            status: 'WARN',
            message: `There are no events in ${place.region} in the last 90 days.`,
            remedy: 'Nothing needs to be done, if nothing happens in this Region.',
            value: records,
          };
    },
  });
  return records ?? [];
}
