import type { Actor, CloudTrailRecord } from '../domain/event';
import { asObject, asText } from './fields';

/** What stands in userName where somebody typed a name that does not exist (it may be a password). */
const HIDDEN = 'HIDDEN_DUE_TO_SECURITY_REASONS';

type Fields = Record<string, unknown>;

/** The parts of a userIdentity that a name is made of. */
interface Identity {
  fields: Fields;
  issuer: Fields;
  arn: string | null;
  userName: string | null;
  principalId: string | null;
}

const NOTHING: Fields = Object.freeze({});

/**
 * Who acted. `name` is what one would filter by: a user's name, `role/session` for an assumed role, `root`, the
 * service's DNS name, the calling account. A field that is missing or of another shape is null, a name that can't
 * be told is the next best identifier, at last `unknown`.
 */
export function actorOf(record: CloudTrailRecord): Actor {
  const fields = asObject(record.userIdentity) ?? NOTHING;
  const session = asObject(fields.sessionContext) ?? NOTHING;
  const issuer = asObject(session.sessionIssuer) ?? NOTHING;
  const kind = asText(fields.type) ?? 'Unknown';
  const identity: Identity = {
    fields,
    issuer,
    arn: asText(fields.arn),
    userName: nameIn(fields),
    principalId: asText(fields.principalId),
  };
  return {
    name: nameOf(kind, identity) ?? fallbackName(identity),
    kind,
    arn: identity.arn,
    accountId: asText(fields.accountId),
    // A session that root issued (GetSessionToken, GetFederationToken) has root's powers.
    root: kind === 'Root' || issuer.type === 'Root',
    mfa: usedMfa(record, asObject(session.attributes) ?? NOTHING),
    issuerArn: asText(issuer.arn),
  };
}

function nameOf(kind: string, identity: Identity): string | null {
  const { fields, arn, userName, principalId } = identity;
  switch (kind) {
    case 'Root':
      return 'root';
    case 'IAMUser':
      return userName ?? lastSegment(arn);
    case 'AssumedRole':
      return assumedRoleName(identity);
    case 'Role':
      return userName ?? nameIn(identity.issuer) ?? lastSegment(arn);
    case 'FederatedUser':
      return lastSegment(arn) ?? sessionOf(principalId) ?? userName;
    case 'AWSService':
      return asText(fields.invokedBy);
    case 'AWSAccount':
      return asText(fields.accountId);
    case 'IdentityCenterUser':
      return userName ?? asText(asObject(fields.onBehalfOf)?.userId);
    default:
      return userName;
  }
}

/** Role and session of `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`, with the issuer and principalId to help out. */
function assumedRoleName({ arn, issuer, principalId }: Identity): string | null {
  const parts = arn?.includes(':assumed-role/') ? arn.split('/') : [];
  const role = nameIn(issuer) ?? (parts[1] || lastSegment(asText(issuer.arn)));
  const session = parts[2] || sessionOf(principalId);
  if (role && session) return `${role}/${session}`;
  return role ?? session;
}

function fallbackName({ fields, arn, userName, principalId }: Identity): string {
  return userName ?? principalId ?? arn ?? asText(fields.invokedBy) ?? asText(fields.accountId) ?? 'unknown';
}

function nameIn(fields: Fields): string | null {
  const name = asText(fields.userName);
  return name === HIDDEN ? null : name;
}

/** `Alice` of `arn:aws:iam::123456789012:user/engineering/Alice`. */
function lastSegment(arn: string | null): string | null {
  const slash = arn?.lastIndexOf('/') ?? -1;
  return (slash >= 0 && arn?.slice(slash + 1)) || null;
}

/** `session` of the principalId `AROAEXAMPLE:session`. */
function sessionOf(principalId: string | null): string | null {
  const colon = principalId?.indexOf(':') ?? -1;
  return (colon >= 0 && principalId?.slice(colon + 1)) || null;
}

function usedMfa(record: CloudTrailRecord, attributes: Fields): boolean {
  if (attributes.mfaAuthenticated === 'true' || attributes.mfaAuthenticated === true) return true;
  return record.eventName === 'ConsoleLogin' && asObject(record.additionalEventData)?.MFAUsed === 'Yes';
}
