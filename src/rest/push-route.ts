import type { FastifySchema } from 'fastify';
import { type JsonSchema, jsonAnswer, objectOf } from './route-description';

const COUNT: JsonSchema = { type: 'integer', minimum: 0 };
const TEXT: JsonSchema = { type: 'string' };

const FAILURE = objectOf({ error: { type: 'boolean', const: true }, message: TEXT, requestId: TEXT });
const refused = (description: string) => jsonAnswer(description, FAILURE);

const STORED: JsonSchema = {
  ...objectOf({
    received: COUNT,
    stored: COUNT,
    duplicates: COUNT,
    dropped: COUNT,
    rejected: COUNT,
    rejections: { type: 'array', items: objectOf({ index: COUNT, reason: TEXT }) },
  }),
  description:
    'received = stored + duplicates + dropped + rejected. Firehose is answered in its own format instead.',
};

/** How the push door stands in /openapi.json; docs/push.md has a line for each shape that it takes. */
export const PUSH_ROUTE: FastifySchema = {
  tags: ['push'],
  operationId: 'push',
  summary: 'Push CloudTrail records',
  description:
    'Takes records in all the shapes that AWS sends them in, plain or gzip, recognised by what they are, at most ' +
    '8 MiB as sent and 64 MiB inflated, and answers when they are stored. Sending anything again stores nothing twice.',
  security: [{ bearer: [] }, { ingestPassword: [] }, { firehoseKey: [] }, { ingestQuery: [] }],
  params: objectOf({ sourceId: { ...TEXT, description: 'A source of kind HTTP_PUSH, or `direct`.' } }),
  querystring: {
    type: 'object',
    properties: {
      results: { ...TEXT, enum: ['each'], description: 'Also tells what became of each record.' },
    },
  },
  body: {
    content: {
      'application/json': { schema: { description: 'For example {"Records":[...]}.' } },
      'application/gzip': { schema: { description: 'The same, compressed.' } },
    },
  },
  response: {
    200: jsonAnswer('The records are stored.', {
      anyOf: [STORED, objectOf({ subscription: TEXT, message: TEXT }), objectOf({ requestId: TEXT })],
    }),
    400: refused('No records in any shape that is taken.'),
    401: refused('There is no such source, or the credential is not its own.'),
    403: refused('A VIEWER may not ingest.'),
    413: refused('More than 8 MiB as sent, or 64 MiB inflated.'),
    415: refused('A Content-Encoding that is not taken.'),
    429: refused('Too many requests: come again after Retry-After.'),
    503: refused('Not stored in time, or the source is paused: send it again after Retry-After.'),
  },
};
