import { randomBytes } from 'node:crypto';
import type { SecretBox } from '../../auth/secret-box';
import { type FieldFault, Forbidden, Invalid } from '../../domain/errors';
import type { AwsAccess, LookupEventsConfig } from '../../domain/source';
import type { Role } from '../../domain/user';
import type { CheckedCreate } from './source-input';

type AwsInput = NonNullable<CheckedCreate['aws']>;

/** A source's access to AWS after a change: members that are absent keep, the external id stays for ever. */
export function changedAccess(
  box: SecretBox,
  id: string,
  input: AwsInput,
  before: AwsAccess | null,
): AwsAccess {
  const keep = <T>(given: T | null | undefined, old: T | null): T | null =>
    given === undefined ? old : given;
  return {
    region: keep(input.region, before?.region ?? null),
    profile: keep(input.profile, before?.profile ?? null),
    roleArn: keep(input.roleArn, before?.roleArn ?? null),
    externalId: before?.externalId ?? randomBytes(16).toString('hex'),
    endpointUrl: keep(input.endpointUrl, before?.endpointUrl ?? null),
    staticKeys: staticKeys(box, id, input, before),
  };
}

/**
 * The server's own credentials are an ADMIN's to hand out: an OPERATOR may neither have a source use them nor change
 * what a source reads with them.
 * @throws Forbidden
 */
export function checkMayUse(access: AwsAccess, role: Role): void {
  if (role === 'ADMIN') return;
  if (access.profile) throw new Forbidden("Only an ADMIN may have a source use the server's own profiles.");
  if (access.staticKeys || access.endpointUrl) return;
  throw new Forbidden(
    "Without access keys the source uses the server's own AWS credentials, also to assume a role: only an ADMIN may " +
      'decide that, and what is read with them. Give access keys, or ask an ADMIN.',
  );
}

/** `{accountId}` in a role needs accounts to go through. @throws Invalid */
export function checkRolePattern(access: AwsAccess, lookup: LookupEventsConfig | null | undefined): void {
  if (!access.roleArn?.includes('{accountId}') || lookup?.accountIds.length) return;
  const message = 'holds {accountId}, which takes the accountIds of a lookupEvents source';
  throw new Invalid(`roleArn ${message}.`, [{ path: ['input', 'aws', 'roleArn'], message }]);
}

function staticKeys(
  box: SecretBox,
  id: string,
  { accessKeyId, secretAccessKey, sessionToken }: AwsInput,
  before: AwsAccess | null,
): AwsAccess['staticKeys'] {
  if (accessKeyId === undefined && secretAccessKey === undefined) return before?.staticKeys ?? null;
  if (!accessKeyId && !secretAccessKey) return null;
  const faults: FieldFault[] = [];
  if (!accessKeyId)
    faults.push({ path: ['input', 'aws', 'accessKeyId'], message: 'goes with secretAccessKey' });
  if (!secretAccessKey)
    faults.push({ path: ['input', 'aws', 'secretAccessKey'], message: 'goes with accessKeyId' });
  if (faults.length > 0) throw new Invalid('accessKeyId and secretAccessKey go together.', faults);
  const keys = JSON.stringify({ accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) });
  return box.seal(keys, { collection: 'sources', id, field: 'aws.staticKeys' });
}
