/** Where a source says nothing. */
export const DEFAULT_REGION = 'us-east-1';

export const BLOCKED_ENDPOINT_REMEDY =
  'Use an endpoint with a public address, or let the operator open its range by AWS_ENDPOINT_ALLOW_CIDRS.';

/** Like `aws`, for ARNs and the names of hosts in this Region. */
export function partitionOf(region: string): 'aws' | 'aws-cn' | 'aws-us-gov' {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}
