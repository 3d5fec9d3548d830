/** One line for each event that a body tells of, in whatever format it is; the body itself where it is of none. */
export function linesOf(body: unknown): string[] {
  const befallen = operationalLine(body);
  if (befallen !== null) return [befallen];
  const data = member(body, 'data') ?? body;
  const events = Array.isArray(data) ? data : [data];
  return events.map((event) => lineOf(event) ?? printable(JSON.stringify(event)));
}

/** What befell a webhook: when, what, which one, why. */
function operationalLine(body: unknown): string | null {
  const type = text(body, 'type');
  if (!type?.startsWith('trailgraph.webhook.')) return null;
  const parts = [text(body, 'timestamp'), type, text(body, 'data', 'name'), text(body, 'data', 'reason')];
  return parts.filter((part) => part !== null).join('  ');
}

function lineOf(event: unknown): string | null {
  const name =
    text(event, 'eventName') ??
    text(event, 'event', 'action') ??
    text(event, 'insightDetails', 'insightType');
  const time = text(event, 'eventTime') ?? text(event, '@timestamp');
  if (name === null || time === null) return text(event, 'text');
  const parts = [
    time,
    name,
    text(event, 'insightDetails', 'eventName'),
    text(event, 'enrichment', 'actor', 'name') ?? text(event, 'user', 'name') ?? text(event, 'username'),
    text(event, 'sourceIPAddress') ?? text(event, 'source', 'address'),
    text(event, 'enrichment', 'geo', 'country') ?? text(event, 'source', 'geo', 'country_name'),
    text(event, 'errorCode') ?? text(event, 'error', 'code'),
  ];
  return parts.filter((part) => part !== null).join('  ');
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function text(value: unknown, ...path: string[]): string | null {
  const found = path.reduce(member, value);
  return typeof found === 'string' && found !== '' ? printable(found) : null;
}

/** Control characters would reach the terminal. */
function printable(found: string): string {
  return found.replace(/\p{Cc}/gu, '?');
}
