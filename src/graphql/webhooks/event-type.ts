import { registerEnumType } from 'type-graphql';

export const WebhookEventTypeEnum = { CLOUDTRAIL: 'CLOUDTRAIL', OPERATIONAL: 'OPERATIONAL' } as const;
registerEnumType(WebhookEventTypeEnum, {
  name: 'WebhookEventType',
  description: 'What a webhook hears of.',
  valuesConfig: {
    CLOUDTRAIL: { description: 'Events of the sources that match its filter. The default.' },
    OPERATIONAL: {
      description:
        'What befalls other webhooks: trailgraph.webhook.disabled, .breaker_opened, .breaker_closed, .delivery_exhausted. Always JSON of its own, whatever the format.',
    },
  },
});
