import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AwsAccess, Source } from '../src/domain/source';
import { leastPolicy, type PolicyStatement } from '../src/sources/aws/least-policy';
import { BUCKET_CONFIG, sourceOf } from './support/source-of';
import { cfnLint, readCfn, readHcl } from './support/template-tools';

const CFN = join(__dirname, '../deploy/aws/cloudformation');
const TERRAFORM = join(__dirname, '../deploy/aws/terraform');
const QUEUE = 'https://sqs.eu-central-1.amazonaws.com/111122223333/trailgraph';
const QUEUE_ARN = 'arn:aws:sqs:eu-central-1:111122223333:trailgraph';
const KEY = 'arn:aws:kms:eu-central-1:111122223333:key/1234';

interface Case {
  name: string;
  source: Source;
  learned: { bucket?: string; kmsKeyArn: string | null };
  /** Parameters of reader-role, as CloudFormation has them. */
  parameters: Record<string, string>;
}

const access: Partial<AwsAccess> = { region: 'eu-central-1' };
const LOOKUP = { regions: [], accountIds: [], pollIntervalSeconds: 60, overlapSeconds: 3_600 };
const CASES: Case[] = [
  {
    name: 'LookupEvents',
    source: sourceOf({ kind: 'LOOKUP_EVENTS', lookupEvents: LOOKUP }, access),
    learned: { kmsKeyArn: null },
    parameters: { LookupEvents: 'true' },
  },
  {
    name: 'a bucket',
    source: sourceOf({ kind: 'S3_BUCKET', s3: { ...BUCKET_CONFIG } }, access),
    learned: { kmsKeyArn: null },
    parameters: { BucketName: 'my-trail' },
  },
  {
    name: 'a bucket with a prefix and a key, in China',
    source: sourceOf(
      { kind: 'S3_BUCKET', s3: { ...BUCKET_CONFIG, prefix: 'team/a' } },
      { region: 'cn-north-1' },
    ),
    learned: { kmsKeyArn: KEY },
    parameters: {
      BucketName: 'my-trail',
      Prefix: 'team/a/',
      KmsKeyArn: KEY,
      'AWS::Partition': 'aws-cn',
    },
  },
  {
    name: 'a queue',
    source: sourceOf({ kind: 'S3_SQS', sqs: { queueUrl: QUEUE, maxInFlight: 100 } }, access),
    learned: { bucket: 'my-trail', kmsKeyArn: null },
    parameters: { BucketName: 'my-trail', QueueArn: QUEUE_ARN },
  },
  {
    name: 'a queue, encrypted',
    source: sourceOf({ kind: 'S3_SQS', sqs: { queueUrl: QUEUE, maxInFlight: 100 } }, access),
    learned: { bucket: 'my-trail', kmsKeyArn: KEY },
    parameters: { BucketName: 'my-trail', QueueArn: QUEUE_ARN, KmsKeyArn: KEY },
  },
];

describe('the CloudFormation templates', () => {
  let template: Record<string, unknown>;
  beforeAll(async () => {
    template = await readCfn(join(CFN, 'reader-role.yaml'));
  }, 600_000);

  it.each(['trail-queue.yaml', 'reader-role.yaml'])(
    'give cfn-lint nothing to say: %s',
    async (file) => {
      expect(await cfnLint(join(CFN, file))).toBe('');
    },
    300_000,
  );

  it('would not pass with a property that does not exist', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'trailgraph-cfn-'));
    try {
      const path = join(folder, 'broken.yaml');
      const template = await readFile(join(CFN, 'trail-queue.yaml'), 'utf8');
      await writeFile(path, template.replace('RawMessageDelivery', 'RawMessageDelivry'));
      expect(await cfnLint(path)).toContain('RawMessageDelivry');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it.each(CASES)('give the reader the very policy that is printed for $name', (each) => {
    const values = { ...defaultsOf(template), 'AWS::Partition': 'aws', ...each.parameters };
    const granted = rolePolicies(template, values);
    expect(granted).toEqual(leastPolicy(each.source, each.learned)?.Statement);
  });

  it('let nobody assume the role without the external id', () => {
    const values = { ...defaultsOf(template), TrustedPrincipalArn: 'arn:x', ExternalId: 'the-id' };
    const role = memberOf(template, 'Resources', 'Role', 'Properties', 'AssumeRolePolicyDocument');
    expect(resolved(role, values, template)).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { AWS: 'arn:x' },
          Action: 'sts:AssumeRole',
          Condition: { StringEquals: { 'sts:ExternalId': 'the-id' } },
        },
      ],
    });
  });
});

describe('the Terraform modules', () => {
  it.each(['trail-queue', 'reader-role'])('parse, and name only what they define: %s', async (module) => {
    const path = join(TERRAFORM, module, 'main.tf');
    const text = await readFile(path, 'utf8');
    const parsed = await readHcl(path);
    const variables = namesIn(parsed, 'variable', 1);
    expect(variables.length).toBeGreaterThan(0);
    expect(all(text, /\bvar\.([a-z_]+)/g)).toEqual(variables.toSorted());
    const resources = namesIn(parsed, 'resource', 2);
    const unknown = all(text, /(?<![.\w"])(aws_[a-z0-9_]+\.[a-z_]+)\b/g).filter(
      (name) => !resources.includes(name),
    );
    expect(unknown).toEqual([]);
  });

  it.each(CASES)(
    'give the reader the very policy that is printed for $name',
    async ({ source, learned, parameters }) => {
      const kind = { LOOKUP_EVENTS: 'lookup-events', S3_BUCKET: 's3-bucket', S3_SQS: 's3-sqs' }[
        source.kind as string
      ];
      const values = {
        partition: parameters['AWS::Partition'] ?? 'aws',
        bucket_name: parameters.BucketName ?? '',
        prefix: parameters.Prefix ?? '',
        queue_arn: parameters.QueueArn ?? '',
        kms_key_arn: parameters.KmsKeyArn ?? '',
      };
      const files = [kind!, ...(parameters.KmsKeyArn ? ['decrypt'] : [])];
      const statements = await Promise.all(files.map((file) => statementsOf(file, values)));
      expect(statements.flat()).toEqual(leastPolicy(source, learned)?.Statement);
    },
  );

  it('hand each policy what it names, and use all of them', async () => {
    const text = await readFile(join(TERRAFORM, 'reader-role/main.tf'), 'utf8');
    const calls = [...text.matchAll(/templatefile\("\$\{path\.module\}\/policies\/([^"]+)", \{([^}]*)\}/g)];
    expect(calls.map(([, file]) => file).toSorted()).toEqual(
      (await readdir(join(TERRAFORM, 'reader-role/policies'))).toSorted(),
    );
    for (const [, file, given] of calls) {
      const policy = await readFile(join(TERRAFORM, 'reader-role/policies', file!), 'utf8');
      expect(all(given!, /([a-z_]+)\s+=/g)).toEqual(all(policy, /\$\{([a-z_]+)\}/g));
    }
  });
});

async function statementsOf(file: string, values: Record<string, string>): Promise<PolicyStatement[]> {
  const text = await readFile(join(TERRAFORM, 'reader-role/policies', `${file}.json.tftpl`), 'utf8');
  const filled = text.replaceAll(/\$\{([a-z_]+)\}/g, (_, name: string) => values[name]!);
  return (JSON.parse(filled) as { Statement: PolicyStatement[] }).Statement;
}

/** What the policies of the role allow under these parameters. */
function rolePolicies(template: Record<string, unknown>, values: Record<string, string>): unknown[] {
  const resources = Object.values(template.Resources as Record<string, Record<string, unknown>>);
  return resources
    .filter(({ Type, Condition }) => {
      return Type === 'AWS::IAM::RolePolicy' && holds({ Condition }, values, template);
    })
    .flatMap(({ Properties }) => {
      const document = resolved(memberOf(Properties, 'PolicyDocument'), values, template);
      return memberOf(document, 'Statement') as unknown[];
    });
}

const NO_VALUE = Symbol('AWS::NoValue');

/** A part of a template with its functions worked out. */
function resolved(part: unknown, values: Record<string, string>, template: object): unknown {
  const go = (each: unknown) => resolved(each, values, template);
  if (Array.isArray(part)) return part.map(go).filter((each) => each !== NO_VALUE);
  if (typeof part !== 'object' || part === null) return part;
  const [[name, value] = ['', null]] = Object.entries(part);
  if (name === 'Ref') return value === 'AWS::NoValue' ? NO_VALUE : values[String(value)];
  if (name === 'Fn::Sub')
    return String(value).replaceAll(/\$\{([\w:]+)\}/g, (_, each: string) => values[each]!);
  if (name === 'Fn::If') {
    const [condition, yes, no] = value as unknown[];
    return go(holds({ Condition: condition }, values, template) ? yes : no);
  }
  return Object.fromEntries(Object.entries(part).map(([key, each]) => [key, go(each)]));
}

function holds(condition: unknown, values: Record<string, string>, template: object): boolean {
  const [[name, given] = ['', null]] = Object.entries(condition as object);
  const parts = given as unknown[];
  if (name === 'Condition') return holds(memberOf(template, 'Conditions', String(given)), values, template);
  if (name === 'Fn::And') return parts.every((part) => holds(part, values, template));
  if (name === 'Fn::Not') return !holds(parts[0], values, template);
  if (name === 'Fn::Equals')
    return resolved(parts[0], values, template) === resolved(parts[1], values, template);
  throw new Error(`${name} is not known here`);
}

function defaultsOf(template: Record<string, unknown>): Record<string, string> {
  const parameters = Object.entries(template.Parameters as Record<string, { Default?: string }>);
  return Object.fromEntries(parameters.map(([name, { Default }]) => [name, Default ?? '']));
}

function memberOf(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], value);
}

/** The names of the blocks of one kind, joined by dots. */
function namesIn(parsed: Record<string, unknown>, block: string, depth: number): string[] {
  const names = (each: object, left: number): string[] =>
    Object.entries(each)
      .filter(([name]) => name !== '__is_block__')
      .flatMap(([name, inner]) => {
        const bare = name.replaceAll('"', '');
        return left === 1 ? [bare] : names(inner as object, left - 1).map((rest) => `${bare}.${rest}`);
      });
  return (parsed[block] as object[]).flatMap((each) => names(each, depth));
}

function all(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map(([, name]) => name!))].toSorted();
}
