import { PLACES, type Place } from './places';
import { Dice } from './prng';

/** Somebody with an IAM user, at a place of their own. */
export interface Person {
  name: string;
  /** Without the prefix that tells what it is the id of. */
  id: string;
  place: Place;
  usesMfa: boolean;
}

/** A role in an account, with the session names that its holders use. */
export interface Role {
  name: string;
  arn: string;
  /** `AROA...`. */
  id: string;
  /** The service that may assume it; null for a role that people and pipelines assume. */
  service: string | null;
}

export interface Account {
  /** Twelve digits. AWS's documentation uses these, so they are nobody's. */
  id: string;
  name: string;
  /** Regions by use: one that stands twice is used twice as often. */
  regions: readonly string[];
  people: readonly Person[];
  roles: readonly Role[];
  /** The roles that a service's hosts and functions run under. */
  workloads: readonly Role[];
  /** The roles that people and pipelines assume. */
  assumable: readonly Role[];
}

/** Accounts of partners, which reach into ours. From AWS's documentation, as ours are. */
export const FOREIGN_ACCOUNTS: readonly string[] = ['123456789012', '999988887777', '210987654321'];

const CODES: ReadonlyMap<string, string> = new Map(
  ['111122223333', '444455556666', '777788889999', ...FOREIGN_ACCOUNTS].map((id) => [
    id,
    Dice.named(`account ${id}`).base32(8),
  ]),
);

/** The eight characters that all ids of an account of the demo have in common. */
export function accountCode(accountId: string): string {
  const code = CODES.get(accountId);
  if (!code) throw new RangeError(`${accountId} is no account of the demo`);
  return code;
}

/** An access key id or unique id of IAM: prefix, the account's part, and a part of its own. */
export function iamId(prefix: string, accountId: string, name: string, length = 21): string {
  return `${prefix}${accountCode(accountId)}${Dice.named(`${accountId} ${prefix} ${name}`).base32(length - prefix.length - 8)}`;
}

function role(accountId: string, name: string, service: string | null = null, path = '/'): Role {
  const arn = `arn:aws:iam::${accountId}:role${path}${name}`;
  return { name, arn, id: iamId('AROA', accountId, name), service };
}

const WORKLOAD_ROLES: readonly (readonly [string, string])[] = [
  ['web-frontend-ec2', 'ec2.amazonaws.com'],
  ['orders-api-task', 'ecs-tasks.amazonaws.com'],
  ['invoice-worker-lambda', 'lambda.amazonaws.com'],
  ['eks-node-group', 'ec2.amazonaws.com'],
  ['nightly-etl-glue', 'glue.amazonaws.com'],
  ['image-resizer-lambda', 'lambda.amazonaws.com'],
];

const ASSUMABLE_ROLES = [
  'Administrator',
  'ReadOnlyAudit',
  'DeployPipeline',
  'DataEngineer',
  'BillingViewer',
  'BreakGlass',
];

function account(
  id: string,
  name: string,
  regions: readonly string[],
  names: readonly string[],
  from: number,
): Account {
  const people = names.map((person, i) => ({
    name: person,
    id: iamId('AIDA', id, person),
    place: PLACES[(from + i) % PLACES.length] as Place,
    usesMfa: i % 5 !== 3,
  }));
  const workloads = WORKLOAD_ROLES.map(([roleName, service]) => role(id, roleName, service));
  const assumable = [
    ...ASSUMABLE_ROLES.map((roleName) => role(id, roleName)),
    role(id, 'AWSReservedSSO_PowerUserAccess_4c1f8f2be0d7a963', null, '/aws-reserved/sso.amazonaws.com/'),
  ];
  return { id, name, regions, people, roles: [...workloads, ...assumable], workloads, assumable };
}

/** The three accounts of the demo's organization; twelve people in each, from 36 countries in all. */
export const ACCOUNTS: readonly Account[] = [
  account(
    '111122223333',
    'production',
    ['us-east-1', 'us-east-1', 'us-east-1', 'eu-west-1', 'eu-central-1'],
    [
      'alice.meyer',
      'bruno.lefevre',
      'chloe.bennett',
      'daan.visser',
      'elin.lindqvist',
      'frode.hansen',
      'aino.korhonen',
      'mads.jensen',
      'ola.kowalska',
      'lucia.ortega',
      'rui.almeida',
      'giulia.ricci',
    ],
    0,
  ),
  account(
    '444455556666',
    'staging',
    ['eu-central-1', 'eu-central-1', 'us-east-1', 'us-west-2'],
    [
      'reto.keller',
      'lena.huber',
      'sean.murphy',
      'jana.novakova',
      'andrei.popescu',
      'grace.miller',
      'noah.tremblay',
      'marina.silva',
      'diego.ramirez',
      'sofia.acosta',
      'matias.rojas',
      'yuki.tanaka',
    ],
    12,
  ),
  account(
    '777788889999',
    'security',
    ['us-east-1', 'eu-west-1', 'ap-southeast-2'],
    [
      'minjun.park',
      'priya.sharma',
      'wei.tan',
      'olivia.clarke',
      'ben.walker',
      'thandi.nkosi',
      'noa.levi',
      'emre.yilmaz',
      'omar.haddad',
      'mei.chen',
      'wanjiru.kamau',
      'taras.bondar',
    ],
    24,
  ),
];
