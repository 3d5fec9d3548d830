import type { CloudTrailRecord } from '../../domain/event';
import { ACCOUNTS } from './accounts';
import { BLOCK } from './chains';
import { type DemoInput, eventId } from './ids';
import { Dice, STREAM } from './prng';
import { isoSeconds } from './times';

/** Every so many records CloudTrail notices something: one record when it begins, one when it ends. */
const PERIOD = BLOCK * 8;

const UNUSUAL = [
  { eventSource: 'ec2.amazonaws.com', eventName: 'RunInstances', error: null },
  { eventSource: 'iam.amazonaws.com', eventName: 'CreateAccessKey', error: null },
  { eventSource: 's3.amazonaws.com', eventName: 'DeleteBucket', error: null },
  {
    eventSource: 'ec2.amazonaws.com',
    eventName: 'TerminateInstances',
    error: 'Client.UnauthorizedOperation',
  },
  { eventSource: 'sts.amazonaws.com', eventName: 'AssumeRole', error: 'AccessDenied' },
] as const;

/** The Insight record with this number; null for the many numbers that are something else. */
export function insightRecord(input: DemoInput): CloudTrailRecord | null {
  const { seed, n } = input;
  if (n % BLOCK !== BLOCK - 1) return null;
  const period = Math.floor(n / PERIOD);
  const block = Math.floor((n % PERIOD) / BLOCK);
  const dice = Dice.at(seed, STREAM.insight, period);
  const start = dice.below(4);
  const end = 4 + dice.below(4);
  if (block !== start && block !== end) return null;

  const account = dice.pick(ACCOUNTS);
  const { eventSource, eventName, error } = dice.pick(UNUSUAL);
  const awsRegion = dice.pick(account.regions);
  const normal = dice.between(1, 40) / 1000;
  const unusual = dice.between(3, 60) / 10;
  const arn = dice.pick(account.roles).arn;
  const compared = (attribute: string, value: string, average = unusual) => ({
    attribute,
    insight: [{ value, average }],
    baseline: [{ value, average: normal }],
  });
  const duration = dice.between(1, 90);
  return {
    eventVersion: '1.09',
    eventTime: isoSeconds(input.eventTime),
    awsRegion,
    eventID: eventId(input, 'event'),
    eventType: 'AwsCloudTrailInsight',
    recipientAccountId: account.id,
    sharedEventID: eventId({ ...input, n: period }, 'insight'),
    insightDetails: {
      state: block === start ? 'Start' : 'End',
      eventSource,
      eventName,
      insightType: error ? 'ApiErrorRateInsight' : 'ApiCallRateInsight',
      ...(error && { errorCode: error }),
      insightContext: {
        statistics: {
          baseline: { average: normal },
          insight: { average: unusual },
          ...(block === end && { insightDuration: duration }),
          baselineDuration: 10_079,
        },
        attributions: [
          compared('userIdentityArn', arn),
          compared('userAgent', 'aws-cli/2.27.50'),
          compared('errorCode', error ?? 'null'),
        ],
      },
    },
    eventCategory: 'Insight',
  };
}
