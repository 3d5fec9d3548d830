import { messageOf, Permanent, Unavailable } from '../domain/errors';

/** Server error codes, from the server's error_codes.yml. */
const UNAUTHORIZED = 13;
const AUTHENTICATION_FAILED = 18;
const NOT_PRIMARY = 10107;

const CERTIFICATE_UNKNOWN = /self-signed certificate|unable to (verify|get)/;
const LONGEST_CAUSE_CHAIN = 5;

/** What is at fault in how MongoDB was asked, and what to do about it, in place of its own words. */
interface Refusal {
  message: string;
  remedy: string;
}

/**
 * That MongoDB does not answer, or not us: with what to do about it.
 * @param error of the driver, from connecting
 */
export function connectFailure(error: unknown): Unavailable {
  const refusal = refusalOf(error) ?? tlsRefusalOf(error) ?? emptySetRefusalOf(error);
  if (refusal) return new Unavailable(`${refusal.message}. ${refusal.remedy}`);
  const told = messageOf(error).replace(/\.$/, '');
  return new Unavailable(`MongoDB does not answer: ${told}. Is MONGODB_URI right, and is the server up?`);
}

/** The error as it is, or one that says what to do where the user of MONGODB_URI lacks rights or a primary. */
export function explained(error: unknown): unknown {
  const refusal = refusalOf(error);
  if (!refusal) return error;
  return new Permanent(`${refusal.message}. ${refusal.remedy}`, { remedy: refusal.remedy });
}

function refusalOf(error: unknown): Refusal | null {
  const { name, code, message } = (error ?? {}) as Partial<Record<string, unknown>>;
  if (typeof name !== 'string' || !name.startsWith('Mongo')) return null;
  if (code === AUTHENTICATION_FAILED)
    return {
      message: 'MongoDB refuses the user of MONGODB_URI, or the password',
      remedy:
        'Are both right, with special characters percent-encoded, and does authSource name the database that the ' +
        'user was made in (often authSource=admin)?',
    };
  if (code === UNAUTHORIZED)
    return /requires authentication/.test(String(message))
      ? { message: 'MongoDB wants a user, and MONGODB_URI names none', remedy: RIGHTS }
      : { message: 'MongoDB does not let the user of MONGODB_URI do what a server must', remedy: RIGHTS };
  if (code === NOT_PRIMARY)
    return {
      message: 'the MongoDB of MONGODB_URI is not the primary of its replica set',
      remedy:
        'Name several members and the set (replicaSet=...), without directConnection=true; where it was elected away just now, start again.',
    };
  return null;
}

const RIGHTS =
  'Name one that has readWrite on its database, and collMod, by which RETENTION_DAYS is changed (docs/security.md).';

function tlsRefusalOf(error: unknown): Refusal | null {
  for (const { code, message } of causesOf(error)) {
    if (CERTIFICATE_UNKNOWN.test(message))
      return {
        message: `MongoDB's certificate is not trusted (${message})`,
        remedy:
          'Name the file of the authority that signed it in MONGODB_URI: tls=true&tlsCAFile=/path/to/ca.pem.',
      };
    if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
      return {
        message: `MongoDB's certificate is for another host (${message})`,
        remedy: 'Name the hosts in MONGODB_URI, and in the replica set, as its certificates do.',
      };
    if (/connection <monitor> to \S+ closed/.test(message))
      return {
        message: `MongoDB closed the connection (${message})`,
        remedy:
          'Does it want TLS (tls=true in MONGODB_URI), or a certificate of ours (tlsCertificateKeyFile)?',
      };
  }
  return null;
}

/** The driver only says that it has waited where no server that it reached is of the set. */
function emptySetRefusalOf(error: unknown): Refusal | null {
  const { reason } = (error ?? {}) as { reason?: { setName?: unknown; servers?: { size?: unknown } } };
  if (reason?.servers?.size !== 0 || !reason.setName) return null;
  return {
    message: 'none of the servers of MONGODB_URI is a member of the replica set that it names',
    remedy: 'Is replicaSet=... the name that `rs.status()` tells?',
  };
}

/** The error and what caused it: the driver hides the fault of a socket below its own. */
function causesOf(error: unknown): { code: unknown; message: string }[] {
  const found: { code: unknown; message: string }[] = [];
  let next = error as Partial<Record<string, unknown>> | null | undefined;
  while (next && found.length < LONGEST_CAUSE_CHAIN) {
    found.push({ code: next.code, message: messageOf(next, 200) });
    next = (next.cause ?? firstFault(next.reason)) as typeof next;
  }
  return found;
}

/** The first fault of a server in the driver's view of the whole. */
function firstFault(reason: unknown): unknown {
  const { servers } = (reason ?? {}) as { servers?: Map<string, { error?: unknown }> };
  if (typeof servers?.values !== 'function') return null;
  for (const { error } of servers.values()) if (error) return error;
  return null;
}
