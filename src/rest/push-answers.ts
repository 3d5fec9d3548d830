import type { FastifyReply, FastifyRequest } from 'fastify';
import type { PartResult } from '../domain/batch';
import { messageOf } from '../domain/errors';
import type { Logger } from '../observe/logger';
import { failed } from './http-status';

const FIREHOSE_ID = 'x-amz-firehose-request-id';
/** Firehose's own limit for `errorMessage`. */
const MAX_FIREHOSE_MESSAGE = 8_192;
const UNEXPECTED = 'Something went wrong on our side; send it again, nothing is stored twice.';

/** What became of a body: Firehose hears it in its own format, and no more than that it may forget the records. */
export function pushAnswer(request: FastifyRequest, result: PartResult, each: boolean): object {
  const requestId = firehoseId(request);
  if (requestId !== null) return { requestId, timestamp: Date.now() };
  const { rejections, rejected, each: fates, ...counts } = result;
  const answer = { ...counts, rejected, rejections };
  if (!each) return answer;
  const reasons = new Map(rejections.map(({ index, reason }) => [index, reason]));
  const results = (fates ?? []).map(({ outcome, id }, index) => ({
    index,
    outcome: OUTCOME[outcome],
    id,
    reason: reasons.get(index) ?? null,
  }));
  return { ...answer, results };
}

const OUTCOME = {
  stored: 'STORED',
  duplicate: 'DUPLICATE',
  dropped: 'DROPPED',
  rejected: 'REJECTED',
} as const;

/** Tells a failure, in the format of whoever asked. */
export function answerPushError(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  log: Logger,
): FastifyReply {
  const { error, status } = failed(thrown, request, reply, { log, what: 'a push' });
  // SNS sends the password of its URL only when it is asked for it like this.
  if (status === 401)
    reply.header('www-authenticate', isSns(request) ? 'Basic realm="TrailGraph"' : 'Bearer');
  const message = status === 500 ? UNEXPECTED : messageOf(error);
  const requestId = firehoseId(request);
  const body =
    requestId === null
      ? { error: true, message, requestId: request.id }
      : { requestId, timestamp: Date.now(), errorMessage: message.slice(0, MAX_FIREHOSE_MESSAGE) };
  return reply.code(status).type('application/json').send(body);
}

/** Firehose's id of the request, which it wants back; null where somebody else asks. */
function firehoseId({ headers }: FastifyRequest): string | null {
  const id = headers[FIREHOSE_ID];
  return typeof id === 'string' && /^[\x21-\x7e]{1,200}$/.test(id) ? id : null;
}

function isSns({ headers }: FastifyRequest): boolean {
  return headers['x-amz-sns-message-type'] !== undefined;
}
