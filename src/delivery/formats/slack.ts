import type { Enrichment } from '../../domain/event';
import type { BodyEvent, BodyFormat } from './body-format';
import { consoleLink } from './console-link';
import { type Fields, textIn } from './fields';
import { slackText } from './slack-text';

/** A message of a hundred events is read by nobody. */
const MAX_SHOWN = 10;

const ADDRESS_KINDS: Record<Enrichment['addressKind'], string> = {
  PUBLIC: 'unknown place',
  PRIVATE: 'private network',
  AWS_SERVICE: 'AWS service',
  AWS_INTERNAL: 'inside AWS',
  UNKNOWN: 'unknown place',
};

/**
 * SLACK, a message for an incoming webhook of Slack: what, who, where, when, outcome, and a link to CloudTrail's console.
 * `batch`: one message with the first ten events and how many more there are. Slack's limits (50 blocks, 3,000
 * characters a text, 2,000 a field) hold whatever the events carry, so that no event is too big.
 */
export const slack: BodyFormat = {
  bytesOf: () => 0,
  body({ events, batch }) {
    const told = events.slice(0, MAX_SHOWN).map(toldOf);
    const more = events.length - told.length;
    return JSON.stringify(!batch && told[0] ? eventMessage(told[0]) : listMessage(told, more));
  },
};

/** What is told of an event, ready to stand in mrkdwn. */
interface Told {
  what: string;
  who: string;
  where: string;
  address: string;
  network: string;
  when: string;
  account: string;
  outcome: string;
  link: string | null;
}

function toldOf({ recordText, enrichmentJson }: BodyEvent): Told {
  const record = JSON.parse(recordText) as Fields;
  const { actor, addressKind, geo, network, outcome } = JSON.parse(enrichmentJson) as Enrichment;
  const text = (value: unknown): string => slackText(textIn(value) ?? '–');
  const place = [geo?.city, geo?.country].filter((part) => typeof part === 'string').join(', ');
  const account = textIn(record.recipientAccountId) ?? actor.accountId;
  const region = textIn(record.awsRegion);
  const error = textIn(record.errorCode) ?? textIn(record.errorMessage);
  return {
    what: `*${text(record.eventName ?? record.eventType)}* (${text(record.eventSource)})`,
    who: `${text(actor.name)} (${text(actor.kind)})`,
    where: text(place || ADDRESS_KINDS[addressKind]),
    address: text(record.sourceIPAddress),
    network: text([network?.asn ? `AS${network.asn}` : '', network?.organization ?? ''].join(' ').trim()),
    when: text(record.eventTime),
    account: text([account, region].filter((part) => typeof part === 'string').join(', ')),
    outcome: outcome === 'SUCCESS' ? 'success' : `failure${error ? `: ${slackText(error)}` : ''}`,
    link: consoleLink(region ?? '', textIn(record.eventID) ?? ''),
  };
}

function eventMessage(told: Told): Fields {
  const fields = [
    field('Who', told.who),
    field('Outcome', told.outcome),
    field('Where', told.where),
    field('Address', told.address),
    field('Network', told.network),
    field('When', told.when),
    field('Account', told.account),
  ];
  return {
    text: summary(told),
    blocks: [
      { type: 'section', text: mrkdwn(told.what) },
      { type: 'section', fields },
      ...(told.link ? [{ type: 'context', elements: [mrkdwn(anchor(told.link))] }] : []),
    ],
  };
}

function listMessage(told: readonly Told[], more: number): Fields {
  const count = told.length + more;
  const title = `${count} CloudTrail event${count === 1 ? '' : 's'}`;
  const rest = more > 0 ? [{ type: 'context', elements: [mrkdwn(`and ${more} more`)] }] : [];
  return {
    text: title,
    blocks: [
      { type: 'section', text: mrkdwn(`*${title}*`) },
      ...told.map((each) => ({ type: 'section', text: mrkdwn(lines(each)) })),
      ...rest,
    ],
  };
}

function summary({ what, who, outcome }: Told): string {
  return `${what} by ${who}: ${outcome}`;
}

function lines(told: Told): string {
  const { where, address, network, when, account, link } = told;
  return [
    summary(told),
    `${where} · ${address} · ${network}`,
    `${when} · ${account}${link ? ` · ${anchor(link)}` : ''}`,
  ].join('\n');
}

function anchor(link: string): string {
  return `<${link}|Open in CloudTrail>`;
}

function field(label: string, value: string): Fields {
  return mrkdwn(`*${label}*\n${value}`);
}

/** `verbatim` keeps Slack from making mentions and links out of plain text. */
function mrkdwn(text: string): Fields {
  return { type: 'mrkdwn', text, verbatim: true };
}
