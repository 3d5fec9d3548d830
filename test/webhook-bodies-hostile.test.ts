import fc from 'fast-check';
import { formatOf, MAX_BODY_BYTES, webhookBody } from '../src/delivery/body';
import { BodyCutter, MAX_KEPT_BYTES } from '../src/delivery/body-cutter';
import type { BodyEvent } from '../src/delivery/formats/body-format';
import { memberTexts } from '../src/delivery/formats/member-texts';
import type { WebhookFormat } from '../src/domain/webhook';
import { bodyOf, ENRICHMENT, eventOf, type SlackMessage, timestamp } from './support/body-events';
import { ecsFaults } from './support/ecs-fields';
import { webhookSchemas } from './support/webhook-schemas';

const FORMATS: WebhookFormat[] = ['ENRICHED', 'RAW', 'ECS', 'SLACK', 'FORWARDER_V1'];

/** Every text of a message that Slack reads for marks. */
function textsOf({ text, blocks }: SlackMessage): string[] {
  const inBlocks = blocks.flatMap((block) => [
    ...(block.text ? [block.text] : []),
    ...(block.fields ?? []),
    ...(block.elements ?? []),
  ]);
  return [text, ...inBlocks.map((each) => each.text)];
}

/** What a stranger may have written anywhere in a record. */
const hostileText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '<!here>',
    '<!channel|x>',
    '@channel',
    '@Everyone',
    '<@U012>',
    '<https://evil|Open in CloudTrail>',
  ),
  fc.string({ minLength: 1, maxLength: 8 }).map((part) => part.repeat(3_000)),
  fc.constantFrom('&'.repeat(5_000), '"'.repeat(50_000), '\u0000'.repeat(9_000), '<'.repeat(300), '\u202e x'),
);
const hostileRecord = fc.record({
  eventTime: fc.constant('2026-01-02T03:04:05Z'),
  eventName: hostileText,
  eventSource: hostileText,
  eventID: hostileText,
  awsRegion: hostileText,
  sourceIPAddress: hostileText,
  userAgent: hostileText,
  errorCode: hostileText,
  errorMessage: hostileText,
  requestParameters: fc.oneof(hostileText, fc.dictionary(hostileText, hostileText, { maxKeys: 3 })),
  resources: fc.array(fc.record({ ARN: hostileText, type: hostileText }), { maxLength: 150 }),
  userIdentity: fc.oneof(hostileText, fc.record({ type: hostileText, principalId: hostileText })),
  recipientAccountId: hostileText,
});
const hostileEvent = fc
  .tuple(hostileRecord, hostileText)
  .map(([record, name]) =>
    eventOf(record, { ...ENRICHMENT, actor: { ...ENRICHMENT.actor, name, kind: name } }),
  );

describe('bodies of every format', () => {
  const schemas = webhookSchemas();

  test('a cut chunk of whatever a record may hold stays within 1 MiB, in every format', () => {
    fc.assert(
      fc.property(fc.array(hostileEvent, { minLength: 1, maxLength: 12 }), (drawn) => {
        for (const format of FORMATS) {
          const events = drawn.map((event) => ({ ...event }));
          const { count, thin } = new BodyCutter(format, 1_000).next(events, 0);
          const body = webhookBody({ format, events: events.slice(0, count), batch: true, thin, timestamp });
          if (body.length > MAX_BODY_BYTES) throw new Error(`${format} made ${body.length} bytes`);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('the bound by which measuring is spared is never below the size', () => {
    fc.assert(
      fc.property(hostileEvent, (event) => {
        for (const format of FORMATS) {
          const { bytesOf, bytesAtMost } = formatOf(format);
          if (bytesAtMost) expect(bytesAtMost(event)).toBeGreaterThanOrEqual(bytesOf(event));
        }
      }),
      { numRuns: 100 },
    );
  });

  test('a hostile record makes neither a mention nor a link nor a message that Slack refuses', () => {
    const schema = schemas.get('slack.json')!;
    fc.assert(
      fc.property(fc.array(hostileEvent, { minLength: 1, maxLength: 12 }), fc.boolean(), (events, batch) => {
        const message = bodyOf('SLACK', batch ? events : events.slice(0, 1), batch) as SlackMessage;
        expect(schema(message) ? [] : schema.errors).toEqual([]);
        for (const text of textsOf(message)) {
          const bare = text.replaceAll(
            /<https:\/\/[a-z0-9.-]+\/cloudtrailv2[^|<>]*\|Open in CloudTrail>/g,
            '',
          );
          expect(bare).not.toMatch(/[<>]|@(channel|here|everyone)/i);
          expect(bare.replaceAll(/&(amp|lt|gt);/g, '')).not.toContain('&');
        }
      }),
      { numRuns: 100 },
    );
  });

  test('a hostile record makes a document that the schema takes', () => {
    const schema = schemas.get('ecs.json')!;
    fc.assert(
      fc.property(hostileEvent, (event) => {
        const document = bodyOf('ECS', [event]);
        expect(schema(document) ? [] : schema.errors).toEqual([]);
        expect(ecsFaults(document)).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  test('a member of a record is told as it stands there, whatever is around it', () => {
    const spaced = fc
      .tuple(fc.jsonValue(), fc.constantFrom(undefined, 1, '\t'))
      .map(([value, space]) => JSON.stringify(value, null, space));
    const member = fc.tuple(fc.constantFrom('a', 'requestParameters', '"\\', 'c'), spaced);
    fc.assert(
      fc.property(fc.array(member, { maxLength: 6 }), (members) => {
        const text = `{ ${members.map(([name, value]) => `${JSON.stringify(name)} : ${value} `).join(',')}}`;
        expect(memberTexts(text, ['requestParameters', '"\\'])).toEqual(
          new Map(members.filter(([name]) => name.length !== 1)),
        );
      }),
    );
  });
});

test('ECS documents are written once, of a batch that fills its bodies too, and kept only as far as memory allows', () => {
  const many = Array.from({ length: 3_000 }, () => eventOf());
  const cutAll = (batchSize: number): { counts: number[]; events: BodyEvent[] } => {
    const events = many.map((event) => ({ ...event }));
    const cutter = new BodyCutter('ECS', batchSize);
    const counts: number[] = [];
    for (let used = 0; used < events.length; used += counts.at(-1)!)
      counts.push(cutter.next(events, used).count);
    return { counts, events };
  };
  // Where a bound shows that they fit nothing is written until the body is.
  expect(cutAll(20).events.filter(({ bytes, text }) => bytes !== undefined || text !== undefined)).toEqual(
    [],
  );
  // Else what measuring wrote is what the body is made of.
  const { counts, events } = cutAll(1_000);
  const kept = events.filter(({ text }) => text !== undefined);
  const bytes = kept.reduce((sum, { text }) => sum + Buffer.byteLength(text!), 0);
  expect(bytes).toBeLessThanOrEqual(MAX_KEPT_BYTES);
  expect(bytes).toBeGreaterThan(MAX_KEPT_BYTES * 0.9);
  const first = events.slice(0, counts[0]);
  const made = (from: BodyEvent[]): string =>
    webhookBody({ format: 'ECS', events: from, batch: true, timestamp }).toString();
  expect(first.every(({ text }) => text !== undefined)).toBe(true);
  expect(made(first)).toBe(made(many.slice(0, counts[0])));
  expect(made(first).length).toBeGreaterThan(MAX_BODY_BYTES * 0.9);
});
