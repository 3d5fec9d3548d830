import { DEFAULT_REGION, partitionOf } from '../aws/aws-defaults';

/**
 * Regions with CloudTrail, as botocore 1.43 publishes them (a test holds the table to that). An account has the opt-in
 * ones only after somebody switched them on.
 */
const PARTITIONS = {
  aws: {
    always: [
      ...['us-east-1', 'us-east-2', 'us-west-1', 'us-west-2', 'ca-central-1', 'sa-east-1'],
      ...['eu-central-1', 'eu-north-1', 'eu-west-1', 'eu-west-2', 'eu-west-3'],
      ...[
        'ap-northeast-1',
        'ap-northeast-2',
        'ap-northeast-3',
        'ap-south-1',
        'ap-southeast-1',
        'ap-southeast-2',
      ],
    ],
    optIn: [
      ...['af-south-1', 'ca-west-1', 'eu-central-2', 'eu-south-1', 'eu-south-2', 'il-central-1'],
      ...['me-central-1', 'me-south-1', 'mx-central-1', 'ap-east-1', 'ap-east-2', 'ap-south-2'],
      ...['ap-southeast-3', 'ap-southeast-4', 'ap-southeast-5', 'ap-southeast-6', 'ap-southeast-7'],
    ],
  },
  'aws-us-gov': { always: ['us-gov-east-1', 'us-gov-west-1'], optIn: [] },
  'aws-cn': { always: ['cn-north-1', 'cn-northwest-1'], optIn: [] },
} as const;

export interface LookupRegion {
  name: string;
  /** An account may never have switched it on: no fault where it is refused. */
  optIn: boolean;
}

/**
 * The Regions that a source reads: those that it names, else all of the AWS partition in which it calls.
 * One that is named is expected to answer.
 */
export function regionsOf(named: readonly string[], homeRegion: string | null): LookupRegion[] {
  if (named.length > 0) return [...new Set(named)].map((name) => ({ name, optIn: false }));
  const { always, optIn } = PARTITIONS[partitionOf(homeRegion ?? DEFAULT_REGION)];
  return [...always.map((name) => ({ name, optIn: false })), ...optIn.map((name) => ({ name, optIn: true }))];
}
