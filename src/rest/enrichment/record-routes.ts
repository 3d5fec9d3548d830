import type { FastifyInstance } from 'fastify';
import { scanObject, skipSpace } from '../../domain/envelopes/json-values';
import type { StoredEvent } from '../../domain/event';
import { rawRecord } from '../../domain/records/stored-event';
import { type Asker, type Authenticate, admits, askerOf } from '../asker';
import { type JsonSchema, jsonAnswer, jsonBody, objectOf } from '../route-description';
import { MAX_SENT_BYTES, type RecordBodies } from '../sent-body';
import { refuseOtherMethods } from '../wrong-methods';
import { parsedJson } from './account-routes';
import { answer, Refused } from './answers';
import { ANSWER_ONLY, answers, envelopeOf } from './descriptions';
import { ingested, MESSAGES, newestEvents } from './messages';

export interface RecordRoutesParts {
  authenticate: Authenticate;
  bodies: RecordBodies;
  /**
   * Stores the records of a body on the source `direct`, and tells how many came and how many could not be kept.
   * @throws Invalid, Unavailable
   */
  ingest: (body: Buffer, asker: Asker) => Promise<{ received: number; rejected: number }>;
  /** The events with the newest eventTime, newest first. */
  newest: (limit: number) => Promise<StoredEvent[]>;
}

const SHOWN = 10;
/** Up to here a body is parsed as a whole before anything is stored: some 25 ms. A longer one is read record by record. */
const PARSED_BYTES = 4 * 1024 * 1024;
const OPEN_LIST = '[';

const ENRICHMENT: JsonSchema = {
  ...objectOf({
    country: { type: ['string', 'null'] },
    region: { type: ['string', 'null'] },
    subregion: { type: ['string', 'null'] },
    addressKind: { type: 'string' },
    network: { type: ['object', 'null'] },
    actor: { type: 'object' },
    outcome: { type: 'string' },
  }),
  description: 'Where and who; the members of a place are null where it is not known.',
};
const EVENT: JsonSchema = {
  ...objectOf({ id: { type: 'string' }, enrichment: ENRICHMENT }),
  additionalProperties: true,
  description: "The record's own fields under CloudTrail's names, its id, and what was added.",
};

/** `POST /v1/enrichment` and `GET /v1/enrichment`. */
export function addRecordRoutes(scope: FastifyInstance, parts: RecordRoutesParts): void {
  addIngest(scope, parts);
  addNewest(scope, parts);
  refuseOtherMethods(scope, '/enrichment', ['GET', 'POST']);
}

function addIngest(scope: FastifyInstance, { authenticate, bodies, ingest }: RecordRoutesParts): void {
  scope.post('/enrichment', {
    bodyLimit: MAX_SENT_BYTES,
    onRequest: admits(authenticate, 'OPERATOR'),
    schema: {
      tags: ['enrichment'],
      operationId: 'enrich',
      summary: 'Ingest CloudTrail records',
      description:
        'Stores and enriches before it answers; the same record twice is stored once. Plain or gzip, at most 8 MiB as ' +
        'sent and 64 MiB inflated.',
      security: [{ bearer: [] }],
      body: jsonBody(
        objectOf({
          Records: { type: 'array', minItems: 1, items: { type: 'object', additionalProperties: true } },
        }),
      ),
      response: {
        201: jsonAnswer('Stored.', envelopeOf({ type: 'array', maxItems: 0 })),
        ...answers({
          400: 'Empty, no JSON, or without records.',
          401: 'No token, or one that does not hold.',
        }),
        ...answers({ 403: 'A VIEWER may not ingest.', ...ANSWER_ONLY }),
      },
    },
    handler: async (request, reply) => {
      const result = await bodies.use(request, (body) => {
        checkRecords(body);
        return ingest(body, askerOf(request));
      });
      const message = ingested(result.received - result.rejected);
      return answer(request, reply, { status: 201, message, data: [] });
    },
  });
}

function addNewest(scope: FastifyInstance, { authenticate, newest }: RecordRoutesParts): void {
  scope.get('/enrichment', {
    onRequest: admits(authenticate, 'VIEWER'),
    schema: {
      tags: ['enrichment'],
      operationId: 'newestEvents',
      summary: 'The last ten events',
      description: 'The events with the newest eventTime, newest first, of all sources.',
      security: [{ bearer: [] }],
      response: {
        200: jsonAnswer(
          'The events.',
          envelopeOf(objectOf({ events: { type: 'array', maxItems: SHOWN, items: EVENT } })),
        ),
        ...answers({ 401: 'No token, or one that does not hold.', 503: 'The database is away: try again.' }),
      },
    },
    handler: async (request, reply) => {
      const events = (await newest(SHOWN)).map(shown);
      return answer(request, reply, { message: newestEvents(events.length), data: { events } });
    },
  });
}

/** @throws Refused where a body is not `{"Records":[...]}` with something in the list */
function checkRecords(body: Buffer): void {
  if (body.length === 0) throw new Refused(400, MESSAGES.emptyBody);
  const has = body.length > PARSED_BYTES ? headHasRecords(body) : hasRecords(parsedJson(body));
  if (!has) throw new Refused(400, MESSAGES.noRecords);
}

function hasRecords(parsed: unknown): boolean {
  const records = (parsed as { Records?: unknown } | null)?.Records;
  return Array.isArray(records) && records.length > 0;
}

function headHasRecords(body: Buffer): boolean {
  const head = body.toString('latin1', 0, PARSED_BYTES);
  const scan = scanObject(head, skipSpace(head, 0));
  if (!scan) throw new Refused(400, MESSAGES.badJson);
  const records = scan.members.get('Records');
  return records !== undefined && head[records.start] === OPEN_LIST;
}

/** The record's own fields, and ours, which no record can forge. */
function shown(event: StoredEvent): object {
  const { geo, addressKind, network, actor, outcome } = event.enrichment;
  const place = geo ?? {
    country: null,
    countryCode: null,
    region: null,
    subregion: null,
    subdivision: null,
    city: null,
    latitude: null,
    longitude: null,
    timeZone: null,
  };
  return {
    ...rawRecord(event),
    id: event._id,
    enrichment: { ...place, addressKind, network, actor, outcome },
  };
}
