import { partitionOf } from './aws-defaults';

/** What the URL of a queue says. */
export interface QueueUrl {
  /** Where its calls go, like https://sqs.eu-west-1.amazonaws.com */
  origin: string;
  /** Whether SQS itself answers there; anything else is somebody's own endpoint. */
  aws: boolean;
  /** Null where the host does not name it. */
  region: string | null;
  accountId: string | null;
  name: string;
}

const REGION = '([a-z]{2,5}(?:-[a-z]+){1,3}-\\d{1,2})';
/**
 * The hosts of SQS: today's, FIPS, dual-stack, VPC endpoints, and the old ones. Not just any below amazonaws.com:
 * anybody's machine may have a name there, and must not be sent the server's session token.
 */
const AWS_HOSTS = [
  new RegExp(`^sqs(?:-fips)?\\.${REGION}\\.amazonaws\\.com(?:\\.cn)?$`),
  new RegExp(`^sqs(?:-fips)?\\.${REGION}\\.api\\.aws$`),
  new RegExp(`^vpce-[a-z0-9-]+\\.sqs\\.${REGION}\\.vpce\\.amazonaws\\.com(?:\\.cn)?$`),
  new RegExp(`^${REGION}\\.queue\\.amazonaws\\.com(?:\\.cn)?$`),
];
const OLD_HOST = 'queue.amazonaws.com';
const OLD_REGION = 'us-east-1';
/** LocalStack and its like name the Region as AWS does. */
const OWN_HOST = new RegExp(`(?:^|\\.)sqs\\.${REGION}\\.|^${REGION}\\.queue\\.`);

/** Reads the URL of a queue; null where it is no http(s) URL of one. */
export function readQueueUrl(text: string): QueueUrl | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  if (!/^https?:$/.test(url.protocol)) return null;
  const parts = url.pathname.split('/').filter((part) => part !== '');
  const name = parts.at(-1);
  if (name === undefined) return null;
  const account = parts.at(-2);
  const accountId = account !== undefined && /^\d{12}$/.test(account) ? account : null;
  const region = awsRegion(url);
  if (region !== null) return { origin: url.origin, aws: true, region, accountId, name };
  const own = OWN_HOST.exec(url.hostname);
  return { origin: url.origin, aws: false, region: own?.[1] ?? own?.[2] ?? null, accountId, name };
}

/**
 * The ARN of a queue.
 * @param region of the source, for a host that names none
 */
export function queueArn({ region, accountId, name }: QueueUrl, sourceRegion: string): string {
  const at = region ?? sourceRegion;
  return `arn:${partitionOf(at)}:sqs:${at}:${accountId ?? '*'}:${name}`;
}

/** The Region where the host is AWS's, and reached safely; else null. */
function awsRegion({ protocol, hostname, port }: URL): string | null {
  if (protocol !== 'https:' || port !== '') return null;
  if (hostname === OLD_HOST) return OLD_REGION;
  for (const pattern of AWS_HOSTS) {
    const match = pattern.exec(hostname);
    if (match?.[1]) return match[1];
  }
  return null;
}
