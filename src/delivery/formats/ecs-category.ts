/** What ECS calls an event: `event.category` and `event.type`, both lists. */
export interface EcsCategory {
  category: string[];
  type: string[];
}

type Verb = 'info' | 'access' | 'creation' | 'deletion' | 'change';

/**
 * The category of what each service does, and the types that ECS 8.11 expects in that category; a verb that is not
 * among them is a change. Services that are not here are `configuration`. As of 2026-11.
 */
const BY_SERVICE: Record<string, { category: string; types: readonly Verb[] }> = {
  iam: { category: 'iam', types: ['info', 'creation', 'deletion', 'change'] },
  identitystore: { category: 'iam', types: ['info', 'creation', 'deletion', 'change'] },
  sso: { category: 'iam', types: ['info', 'creation', 'deletion', 'change'] },
  'sso-directory': { category: 'iam', types: ['info', 'creation', 'deletion', 'change'] },
  sts: { category: 'authentication', types: ['info'] },
  signin: { category: 'authentication', types: ['info'] },
  s3express: { category: 'file', types: ['info', 'access', 'creation', 'deletion', 'change'] },
  s3: { category: 'file', types: ['info', 'access', 'creation', 'deletion', 'change'] },
  elasticfilesystem: { category: 'file', types: ['info', 'access', 'creation', 'deletion', 'change'] },
  rds: { category: 'database', types: ['info', 'access', 'change'] },
  dynamodb: { category: 'database', types: ['info', 'access', 'change'] },
  redshift: { category: 'database', types: ['info', 'access', 'change'] },
  elasticache: { category: 'database', types: ['info', 'access', 'change'] },
};
const OTHERS = {
  category: 'configuration',
  types: ['info', 'access', 'creation', 'deletion', 'change'] as Verb[],
};

/** Names that read what is kept, where others only describe it. */
const ACCESS =
  /^(GetObject$|GetObjectVersion$|GetSecretValue|GetParameter|GetItem|BatchGet|Query$|Scan$|Select|Decrypt)/;
const INFO = /^(Get|List|Describe|Head|Lookup|Search|Check|View|Preview|Validate|Simulate|Test)/;
const CREATION = /^(Create|Run|Import|Allocate|Register|Generate|Copy|Restore|PutObject$|Upload)/;
const DELETION = /^(Delete|Terminate|Deregister|Release|Purge|Destroy|Schedule\w*Deletion)/;

/**
 * Tells category and types from a service (`iam`, the first label of eventSource) and an eventName.
 * @param readOnly as the record has it, for names of which the first word tells nothing
 */
export function ecsCategory(service: string, eventName: string, readOnly: boolean): EcsCategory {
  const known = Object.hasOwn(BY_SERVICE, service) ? BY_SERVICE[service]! : OTHERS;
  if (known.category === 'authentication') return { category: [known.category], type: ['info'] };
  const verb = verbOf(eventName, readOnly);
  const narrowed = known.types.includes(verb) ? verb : fallbackOf(verb);
  const who = known.category === 'iam' ? [whomOf(eventName)] : [];
  return { category: [known.category], type: [...who, narrowed] };
}

function verbOf(eventName: string, readOnly: boolean): Verb {
  if (ACCESS.test(eventName)) return 'access';
  if (INFO.test(eventName)) return 'info';
  if (CREATION.test(eventName)) return 'creation';
  if (DELETION.test(eventName)) return 'deletion';
  return readOnly ? 'info' : 'change';
}

function fallbackOf(verb: Verb): Verb {
  return verb === 'access' ? 'info' : 'change';
}

/** What in the directory it was about: ECS wants `user`, `group` or `admin` beside the verb. */
function whomOf(eventName: string): string {
  if (/User|AccessKey|LoginProfile|MFADevice|SSHPublicKey|ChangePassword/.test(eventName)) return 'user';
  return eventName.includes('Group') ? 'group' : 'admin';
}
