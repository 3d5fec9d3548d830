import { type Account, iamId } from './accounts';
import { Dice } from './prng';
import type { Actor } from './workloads';

const ENVIRONMENTS = ['prod', 'staging', 'dev'];
const TEAMS = ['orders', 'billing', 'search', 'media', 'identity', 'analytics'];
const BUCKET_PURPOSES = [
  'assets',
  'invoices',
  'exports',
  'raw-events',
  'backups',
  'terraform-state',
  'access-logs',
];
const FUNCTIONS = [
  'invoice-worker',
  'image-resizer',
  'order-events',
  'nightly-report',
  'slack-notifier',
  'user-sync',
];
const TABLES = ['Orders', 'Customers', 'Sessions', 'Invoices', 'FeatureFlags'];
const KEY_ALIASES = [
  'alias/orders',
  'alias/billing-data',
  'alias/aws/s3',
  'alias/aws/ssm',
  'alias/aws/secretsmanager',
];
const SECRETS = ['orders/db', 'billing/stripe-key', 'search/api-token', 'identity/oidc-client'];
const OBJECTS = [
  'reports/2025/06/summary.parquet',
  'img/logo.svg',
  'exports/customers.csv',
  'raw/part-00017.json.gz',
  'state/terraform.tfstate',
  'invoices/INV-20418.pdf',
  'index.html',
];

/**
 * One call about to be recorded: who, where, when, and the resources that the account has. What an account `owned`
 * is the same in every record and under every seed; what is `fresh` occurs once.
 */
export class Scene {
  constructor(
    readonly dice: Dice,
    readonly account: Account,
    readonly region: string,
    readonly time: Date,
    readonly actor: Actor,
    readonly requestId: string,
    /** Of the connection, which S3 also records in additionalEventData. */
    readonly cipherSuite: string,
  ) {}

  arn(service: string, path: string): string {
    return `arn:aws:${service}:${this.region}:${this.account.id}:${path}`;
  }

  globalArn(service: string, path: string): string {
    return `arn:aws:${service}::${this.account.id}:${path}`;
  }

  /** The id of one of the `count` resources of this kind: `prefix` and hexadecimal digits. */
  owned(prefix: string, count = 12, length = 17): string {
    return prefix + this.own(prefix, count).hex(length);
  }

  /** The UUID of one of the account's resources of this kind. */
  ownedUuid(kind: string, count = 6): string {
    return this.own(kind, count).uuid();
  }

  fresh(prefix: string, length = 17): string {
    return prefix + this.dice.hex(length);
  }

  bucket(): string {
    return `example-${this.account.name}-${this.dice.pick(TEAMS)}-${this.dice.pick(BUCKET_PURPOSES)}`;
  }

  objectKey(): string {
    return this.dice.pick(OBJECTS);
  }

  /** `orders-prod` and the like: what clusters, databases, queues and log groups are called. */
  serviceName(): string {
    return `${this.dice.pick(TEAMS)}-${this.dice.pick(ENVIRONMENTS)}`;
  }

  team(): string {
    return this.dice.pick(TEAMS);
  }

  functionName(): string {
    return this.dice.pick(FUNCTIONS);
  }

  table(): string {
    return this.dice.pick(TABLES);
  }

  keyAlias(): string {
    return this.dice.pick(KEY_ALIASES);
  }

  keyArn(): string {
    return this.arn('kms', `key/${this.ownedUuid('key', 5)}`);
  }

  /** The name and the ARN, which ends in six characters of its own, of one of the account's secrets. */
  secret(): { name: string; arn: string } {
    const name = this.dice.pick(SECRETS);
    const suffix = Dice.named(`${this.account.id} secret ${name}`).base32(6).toLowerCase();
    return { name, arn: this.arn('secretsmanager', `secret:${name}-${suffix}`) };
  }

  /** The actor's own name: of the user, or of the session. */
  self(): string {
    return this.actor.arn.slice(this.actor.arn.lastIndexOf('/') + 1);
  }

  person(): string {
    return this.dice.pick(this.account.people).name;
  }

  roleName(): string {
    return this.dice.pick(this.account.roles).name;
  }

  roleArn(): string {
    return this.dice.pick(this.account.roles).arn;
  }

  zone(): string {
    return this.region + this.dice.pick(['a', 'b', 'c']);
  }

  /** An address in the account's private network. */
  privateAddress(): string {
    return `10.0.${this.dice.below(32)}.${this.dice.between(4, 254)}`;
  }

  iamId(prefix: string, name: string, length = 21): string {
    return iamId(prefix, this.account.id, name, length);
  }

  private own(kind: string, count: number): Dice {
    return Dice.named(`${this.account.id} ${this.region} ${kind} ${this.dice.below(count)}`);
  }
}
