import type { FastifyReply, FastifyRequest } from 'fastify';
import { Invalid, messageOf } from '../../domain/errors';
import type { Logger } from '../../observe/logger';
import { NoToken } from '../asker';
import { varyBy } from '../compressed-answers';
import { failed } from '../http-status';
import { badPassword, languageOf, MESSAGES, type Message } from './messages';

/** The caller's own fault, in the words of the API. */
export class Refused extends Error {
  override name = 'Refused';
  constructor(
    readonly statusCode: number,
    readonly said: Message,
  ) {
    super(said.en);
  }
}

/** Answers in the envelope `{ error, message, data? }`, in the language that was asked for. */
export function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  { status = 200, message, data }: { status?: number; message: Message; data?: unknown },
): FastifyReply {
  const language = languageOf(request.headers['accept-language']);
  varyBy(reply, 'accept-language');
  return reply
    .code(status)
    .header('content-language', language)
    .type('application/json; charset=utf-8')
    .send({ error: status >= 400, message: message[language], ...(data === undefined ? {} : { data }) });
}

/** The one place where errors become answers of this API; what we do not know is told to the log alone. */
export function answerError(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  log: Logger,
): FastifyReply {
  const { error, status } = failed(thrown, request, reply, { log, what: 'a request to /v1' });
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  return answer(request, reply, { status, message: messageFor(error, status) });
}

function messageFor(error: unknown, status: number): Message {
  if (error instanceof Refused) return error.said;
  if (error instanceof NoToken)
    return error.header === 'missing' ? MESSAGES.noAuthorization : MESSAGES.badAuthorization;
  if (error instanceof Invalid) return messageForInvalid(error);
  return BY_STATUS[status] ?? (status < 500 ? MESSAGES.badRequest : MESSAGES.failed);
}

const BY_STATUS: Record<number, Message> = {
  401: MESSAGES.badToken,
  403: MESSAGES.forbidden,
  404: MESSAGES.notFound,
  405: MESSAGES.wrongMethod,
  409: MESSAGES.emailTaken,
  413: MESSAGES.tooLarge,
  415: MESSAGES.badEncoding,
  429: MESSAGES.tooMany,
  503: MESSAGES.unavailable,
};

function messageForInvalid(error: Invalid): Message {
  for (const { path, message } of error.fields) {
    if (path.at(-1) === 'email') return MESSAGES.badEmail;
    if (path.at(-1) === 'password') return badPassword(message);
  }
  return {
    es: `${MESSAGES.badRequest.es}: ${messageOf(error)}`,
    en: `${MESSAGES.badRequest.en}: ${messageOf(error)}`,
  };
}
