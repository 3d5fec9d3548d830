import { partitionOf } from './aws-defaults';

export interface QueuePlace {
  region: string;
  name: string;
  arn: string;
}

const PATH = /^\/(?:[^/]+\/)*(\d{12})\/([A-Za-z0-9_-]{1,80}(?:\.fifo)?)\/?$/;
/** `sqs.region.amazonaws.com`, its FIPS, dual-stack and VPC forms, and the old `region.queue.amazonaws.com`. */
const HOSTS = [
  /(?:^|\.)sqs(?:-fips)?\.([a-z0-9-]+)\.(?:vpce\.)?(?:amazonaws\.com(?:\.cn)?|api\.aws)$/,
  /^([a-z0-9-]+)\.queue\.amazonaws\.com(?:\.cn)?$/,
];

/**
 * What a queue's URL says of the queue.
 * @param region where the URL names none, as that of an own endpoint
 * @returns null where it is no URL of a queue
 */
export function readQueueUrl(url: string, region: string): QueuePlace | null {
  if (!URL.canParse(url)) return null;
  const { hostname, pathname } = new URL(url);
  const [, account, name] = PATH.exec(pathname) ?? [];
  if (!account || !name) return null;
  const told = HOSTS.map((host) => host.exec(hostname)?.[1]).find((found) => found !== undefined);
  const at = hostname === 'queue.amazonaws.com' ? 'us-east-1' : (told ?? region);
  return { region: at, name, arn: `arn:${partitionOf(at)}:sqs:${at}:${account}:${name}` };
}
