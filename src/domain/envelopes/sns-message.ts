import { scanObject, skipSpace, stringIn } from './json-values';

/** What SNS tells by HTTP about a subscription. */
export interface SubscriptionMessage {
  type: 'SubscriptionConfirmation' | 'UnsubscribeConfirmation';
  topicArn: string;
  /** Where an operator confirms. */
  subscribeUrl: string;
}

/** SNS takes messages of up to 256 KB; those about subscriptions have 2. */
const MAX_BYTES = 64 * 1024;
const MAX_URL = 2_048;
const GLANCE_BYTES = 4 * 1024;

/** Reads SNS's message about a subscription, by its shape; null where this is something else. */
export function readSubscriptionMessage(body: Buffer): SubscriptionMessage | null {
  if (body.length > MAX_BYTES || !body.includes('"SubscribeURL"')) return null;
  let message: Record<string, unknown> | null;
  try {
    message = JSON.parse(body.toString('utf8')) as Record<string, unknown> | null;
  } catch {
    return null;
  }
  const { Type: type, TopicArn: topicArn, SubscribeURL: url } = message ?? {};
  if (type !== 'SubscriptionConfirmation' && type !== 'UnsubscribeConfirmation') return null;
  if (!isTopic(topicArn) || typeof url !== 'string' || url.length > MAX_URL || !isWebUrl(url)) return null;
  return { type, topicArn, subscribeUrl: url };
}

/** The topic of a notification, by its shape; null where this is none. Looks at the first bytes only. */
export function notifyingTopic(body: Buffer): string | null {
  const text = body.toString('latin1', 0, GLANCE_BYTES);
  const members = scanObject(text, skipSpace(text, 0))?.members;
  if (stringIn(body, members?.get('Type')) !== 'Notification') return null;
  const topic = stringIn(body, members?.get('TopicArn'));
  return isTopic(topic) ? topic : null;
}

/** Whether a text is the ARN of a topic, of a length that may be kept. */
function isTopic(text: unknown): text is string {
  return (
    typeof text === 'string' && /^arn:[a-z-]+:sns:[a-z0-9-]{1,40}:\d{12}:[A-Za-z0-9_.-]{1,260}$/.test(text)
  );
}

function isWebUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
