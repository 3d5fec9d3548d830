import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Invalid, messageOf, NotFound } from '../../domain/errors';
import type { Source } from '../../domain/source';
import type { Role } from '../../domain/user';
import type { Logger } from '../../observe/logger';
import { type Asker, type Authenticate, admits, askerOf, roleOf } from '../asker';
import { compressAnswers } from '../compressed-answers';
import { failed } from '../http-status';
import { describedOnly, jsonAnswer, jsonBody, objectOf, schemaOf, textAnswer } from '../route-description';
import { sentBytes, takeBytes } from '../sent-body';
import { refuseOtherMethods } from '../wrong-methods';
import {
  FORWARDER_SOURCE,
  type ForwarderSource,
  memberName,
  shownSource,
  sourceInput,
} from './forwarder-source';

export interface SourcesApiParts {
  authenticate: Authenticate;
  /** All sources that read AWS, each with the id of its access key and its callback, where it has them. */
  list: () => Promise<{ source: Source; accessKeyId: string | null; callbackUrl: string | null }[]>;
  /**
   * Makes a source, and the webhook of its callback, which hears of everything that the source brings.
   * @param input as `createSource` takes it
   * @throws Invalid, Forbidden, Conflict where the id is or was in use
   */
  create: (
    source: { id: string | null; input: unknown; callbackUrl: string | null },
    asker: Asker & { role: Role },
  ) => Promise<Source>;
  /** Deletes a source that reads AWS, with the webhooks of its callback. @throws NotFound */
  delete: (id: string, asker: Asker) => Promise<void>;
  log: Logger;
}

const MAX_BYTES = 64 * 1024;
const TAGS = ['sources'];
const SECURITY = [{ bearer: [] }];
const FAILED = 'Something went wrong on our side; the log has it under this request id.';

const TEXT = { type: 'string' };
const SHOWN = objectOf({
  id: TEXT,
  sourceType: { type: 'string', const: 'AWS' },
  accessKeyId: TEXT,
  secretAccessKey: TEXT,
  region: TEXT,
  logFetchInterval: { type: 'integer', minimum: 0 },
  callbackUrl: TEXT,
  s3Bucket: TEXT,
  s3Prefix: TEXT,
});
const REFUSALS = {
  401: textAnswer('No token, or one that does not hold.'),
  429: textAnswer('Too many requests: come again after Retry-After.'),
  503: textAnswer('The database is away: come again after Retry-After.'),
};

/**
 * The API of the forwarder that TrailGraph stands in for: /sources, with its JSON and its texts, over our own sources
 * and webhooks. docs/rest.md lists where it differs.
 */
export async function addSourcesApi(app: FastifyInstance, parts: SourcesApiParts): Promise<void> {
  await app.register(async (scope) => {
    describedOnly(scope);
    takeBytes(scope, MAX_BYTES);
    compressAnswers(scope);
    scope.setErrorHandler((error, request, reply) => answerError(error, request, reply, parts.log));
    addList(scope, parts);
    addCreate(scope, parts);
    addDelete(scope, parts);
    refuseOtherMethods(scope, '/sources', ['GET', 'POST']);
    refuseOtherMethods(scope, '/sources/:id', ['DELETE']);
  });
}

function addList(scope: FastifyInstance, { authenticate, list }: SourcesApiParts): void {
  scope.get('/sources', {
    onRequest: admits(authenticate, 'VIEWER'),
    schema: {
      tags: TAGS,
      operationId: 'listSources',
      summary: 'List sources',
      description: 'The sources that read AWS. Secrets are masked; what is absent is an empty text.',
      security: SECURITY,
      response: {
        200: jsonAnswer('The sources, oldest first.', { type: 'array', items: SHOWN }),
        ...REFUSALS,
      },
    },
    handler: async (request) => {
      const role = roleOf(request);
      return (await list()).map(({ source, ...rest }) => shownSource(source, { ...rest, role }));
    },
  });
}

function addCreate(scope: FastifyInstance, { authenticate, create }: SourcesApiParts): void {
  scope.post('/sources', {
    bodyLimit: MAX_BYTES,
    onRequest: admits(authenticate, 'OPERATOR'),
    schema: {
      tags: TAGS,
      operationId: 'addSource',
      summary: 'Add a source',
      description: 'With s3Bucket it reads the trail in that bucket, without it asks LookupEvents.',
      security: SECURITY,
      body: jsonBody(schemaOf(FORWARDER_SOURCE)),
      response: {
        201: textAnswer('Added; Location names it.'),
        400: textAnswer('Invalid source data, and why.'),
        ...REFUSALS,
        403: textAnswer(
          "Not an OPERATOR; or no access keys, and not an ADMIN who may lend the server's own.",
        ),
        409: textAnswer('The id is, or was, in use.'),
        413: textAnswer('The body is too large.'),
        415: textAnswer('A Content-Encoding that is not taken.'),
      },
    },
    handler: async (request, reply) => {
      const given = checked(await sentBytes(request, MAX_BYTES));
      const source = await create(
        { id: given.id || null, input: sourceInput(given), callbackUrl: given.callbackUrl || null },
        { ...askerOf(request), role: roleOf(request) },
      );
      return reply.code(201).header('location', `/sources/${source._id}`).send('Source added successfully');
    },
  });
}

function addDelete(scope: FastifyInstance, parts: SourcesApiParts): void {
  scope.delete<{ Params: { id: string } }>('/sources/:id', {
    onRequest: admits(parts.authenticate, 'OPERATOR'),
    schema: {
      tags: TAGS,
      operationId: 'deleteSource',
      summary: 'Delete a source',
      description: 'Its events stay, its callback ends, its id stays taken.',
      security: SECURITY,
      params: objectOf({ id: TEXT }),
      response: {
        200: textAnswer('Deleted.'),
        ...REFUSALS,
        403: textAnswer('Not an OPERATOR.'),
        404: textAnswer('There is no such source that reads AWS.'),
      },
    },
    handler: async (request, reply) => {
      await parts.delete(request.params.id, askerOf(request));
      return reply.send('Source deleted successfully');
    },
  });
}

function checked(bytes: Buffer): ForwarderSource {
  if (bytes.length === 0) throw new Invalid('the body is empty');
  const parsed = FORWARDER_SOURCE.safeParse(parsedJson(bytes));
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map(({ path, message }) => ({ path: path.map(String), message }));
  throw new Invalid('the body is not a JSON object', fields);
}

function parsedJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new Invalid('the body is not JSON');
  }
}

/** The one place where errors become answers of this API, as texts. */
function answerError(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  log: Logger,
): FastifyReply {
  const { error, status } = failed(thrown, request, reply, { log, what: 'a request to /sources' });
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  return reply.code(status).type('text/plain; charset=utf-8').send(textOf(error, status));
}

function textOf(error: unknown, status: number): string {
  if (status === 500) return FAILED;
  if (error instanceof NotFound) return 'Source not found';
  return error instanceof Invalid ? `Invalid source data: ${whyInvalid(error)}` : messageOf(error);
}

function whyInvalid(error: Invalid): string {
  const faults = error.fields.flatMap(({ path, message }) => {
    const name = memberName(path);
    return name ? [`${name} ${message}`] : [];
  });
  return faults.length > 0 ? faults.join('; ') : messageOf(error);
}
