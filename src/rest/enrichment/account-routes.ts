import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Forbidden, Unauthenticated } from '../../domain/errors';
import type { Role, User } from '../../domain/user';
import { type Asker, type Authenticate, askerOf, recognises } from '../asker';
import { type JsonSchema, jsonAnswer, jsonBody, objectOf, schemaOf } from '../route-description';
import { sentBytes } from '../sent-body';
import { refuseOtherMethods } from '../wrong-methods';
import { answer, Refused } from './answers';
import { ANSWER_ONLY, answers, envelopeOf } from './descriptions';
import { MESSAGES } from './messages';
import { roleName, roleNamed } from './roles';

export interface Credentials {
  email: string;
  password: string;
}

export interface AccountRoutesParts {
  authenticate: Authenticate;
  /** Somebody signs up for himself; the roles are those of the first user and of the others. */
  signUp: (credentials: Credentials, setupToken: string | null, asker: Asker) => Promise<User>;
  /** An ADMIN makes an account for somebody else. */
  createUser: (credentials: Credentials, role: Role, asker: Asker) => Promise<User>;
  /** @throws Unauthenticated where the address or the password is wrong */
  login: (credentials: Credentials, asker: Asker) => Promise<{ token: string; expiresAt: Date; user: User }>;
}

/** An address, a password and a token, with room to spare. */
export const MAX_ACCOUNT_BYTES = 64 * 1024;

const credentials = z.object({
  email: z.string().optional().describe('Case does not matter.'),
  password: z.string().optional().describe('8 to 128 characters, not one of the most common ones.'),
});
const signUp = credentials.extend({
  role: z
    .unknown()
    .optional()
    .describe('`user` (the default), `operator` or `admin`; ignored unless an ADMIN asks.'),
  setupToken: z
    .string()
    .optional()
    .describe(
      'For the first user, where the server can be reached from other machines: it stands in the log.',
    ),
});

const ACCOUNT = objectOf({
  email: { type: 'string' },
  role: { type: 'string', enum: ['user', 'operator', 'admin'] },
  uuid: { type: 'string' },
});
const SESSION = objectOf({
  email: { type: 'string' },
  expiry: { type: 'string', format: 'date-time' },
  role: { type: 'string', enum: ['user', 'operator', 'admin'] },
  token: { type: 'string' },
  user_uuid: { type: 'string' },
});

/** What is missing or empty is told apart from what is no JSON, so the shapes take it; the description does not. */
function described(shape: z.ZodType): JsonSchema {
  return { ...schemaOf(shape), required: ['email', 'password'] };
}

/** `POST /v1/signup` and `POST /v1/login`. */
export function addAccountRoutes(scope: FastifyInstance, parts: AccountRoutesParts): void {
  addSignUp(scope, parts);
  addLogin(scope, parts);
}

function addSignUp(scope: FastifyInstance, parts: AccountRoutesParts): void {
  scope.post('/signup', {
    bodyLimit: MAX_ACCOUNT_BYTES,
    onRequest: recognises(parts.authenticate),
    schema: {
      tags: ['enrichment'],
      operationId: 'signUp',
      summary: 'Sign up',
      description:
        'The first user becomes ADMIN. After that SIGNUP=open lets anybody sign up as VIEWER (`user`); an ADMIN, by ' +
        'token, always makes accounts, of any role.',
      security: [{}, { bearer: [] }],
      body: jsonBody(described(signUp)),
      response: {
        201: jsonAnswer('Signed up.', envelopeOf(ACCOUNT)),
        ...answers({
          400: 'Empty, no JSON, or refused by the rules.',
          401: 'A token came along that does not hold.',
        }),
        ...answers({ 403: 'Sign-up is closed.', 409: 'The email is taken.', ...ANSWER_ONLY }),
      },
    },
    handler: async (request, reply) => {
      const { role: asked, setupToken, ...input } = await checked(request, signUp);
      const asker = askerOf(request);
      const user =
        asker.caller?.role === 'ADMIN'
          ? await parts.createUser(both(input), roleAsked(asked), asker)
          : await openly(parts.signUp(both(input), setupToken ?? null, asker));
      const data = { email: user.email, role: roleName(user.role), uuid: user._id };
      return answer(request, reply, { status: 201, message: MESSAGES.signedUp, data });
    },
  });
  refuseOtherMethods(scope, '/signup', ['POST']);
}

function addLogin(scope: FastifyInstance, parts: AccountRoutesParts): void {
  scope.post('/login', {
    bodyLimit: MAX_ACCOUNT_BYTES,
    schema: {
      tags: ['enrichment'],
      operationId: 'login',
      summary: 'Sign in',
      description:
        '`token` is an access token for all of the API, good for 24 h unless its session is ended.',
      body: jsonBody(described(credentials)),
      response: {
        200: jsonAnswer('Signed in.', envelopeOf(SESSION)),
        ...answers({
          400: 'Empty, no JSON, or a member is missing.',
          401: 'The email or the password is wrong.',
        }),
        ...answers(ANSWER_ONLY),
      },
    },
    handler: async (request, reply) => {
      const input = both(await checked(request, credentials));
      const { token, expiresAt, user } = await parts
        .login(input, askerOf(request))
        .catch((error: unknown) => {
          throw error instanceof Unauthenticated ? new Refused(401, MESSAGES.wrongCredentials) : error;
        });
      const data = {
        email: user.email,
        expiry: expiresAt.toISOString(),
        role: roleName(user.role),
        token,
        user_uuid: user._id,
      };
      return answer(request, reply, { message: MESSAGES.signedIn, data });
    },
  });
  refuseOtherMethods(scope, '/login', ['POST']);
}

async function checked<T extends z.ZodType>(request: FastifyRequest, shape: T): Promise<z.infer<T>> {
  const bytes = await sentBytes(request, MAX_ACCOUNT_BYTES);
  if (bytes.length === 0) throw new Refused(400, MESSAGES.emptyBody);
  const parsed = shape.safeParse(parsedJson(bytes));
  if (!parsed.success) throw new Refused(400, MESSAGES.badJson);
  return parsed.data;
}

export function parsedJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new Refused(400, MESSAGES.badJson);
  }
}

function both({ email, password }: z.infer<typeof credentials>): Credentials {
  if (!email || !password) throw new Refused(400, MESSAGES.credentialsNeeded);
  return { email, password };
}

function roleAsked(name: unknown): Role {
  const role = name === undefined ? 'VIEWER' : roleNamed(name);
  if (!role) throw new Refused(400, MESSAGES.badRole);
  return role;
}

async function openly(signedUp: Promise<User>): Promise<User> {
  try {
    return await signedUp;
  } catch (error) {
    throw error instanceof Forbidden ? new Refused(403, MESSAGES.signUpClosed) : error;
  }
}
