const REGION = /^[a-z]{2,4}(-[a-z]{2,12}){1,3}-\d{1,2}$/;
const EVENT_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * The page of CloudTrail's console that shows the event, in its partition (aws, aws-cn, aws-us-gov); null where Region
 * or eventID are not what AWS writes, for then there is none. The console keeps management events for 90 days.
 */
export function consoleLink(region: string, eventId: string): string | null {
  if (!REGION.test(region) || !EVENT_ID.test(eventId)) return null;
  return `https://${region}.${domainOf(region)}/cloudtrailv2/home?region=${region}#/events/${eventId}`;
}

function domainOf(region: string): string {
  if (region.startsWith('cn-')) return 'console.amazonaws.cn';
  if (region.startsWith('us-gov-')) return 'console.amazonaws-us-gov.com';
  return 'console.aws.amazon.com';
}
