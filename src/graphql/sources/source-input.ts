import { z } from 'zod';
import { checkedInput } from '../checked-input';

const name = z.string().trim().min(1, 'must not be empty').max(100, 'must have at most 100 characters');
const maybe = <T extends z.ZodType>(type: T) => type.nullish();

const region = z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'is not a Region');
const accountId = z.string().regex(/^\d{12}$/, 'is not an account id: twelve digits');
const seconds = (min: number) =>
  z.number().int().min(min, `must be ${min} at least`).max(86_400, 'must be 86400 at most');

const lookupEvents = z.object({
  regions: maybe(z.array(region).max(100)),
  accountIds: maybe(z.array(accountId).max(1_000)),
  pollIntervalSeconds: maybe(seconds(10)),
  overlapSeconds: maybe(seconds(300)),
});

const sqs = z.object({
  queueUrl: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).max(2_048),
  maxInFlight: maybe(z.number().int().min(1, 'must be 1 at least').max(1_000, 'must be 1000 at most')),
});

const s3 = z.object({
  bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'is not the name of a bucket'),
  prefix: maybe(z.string().max(512, 'must have at most 512 characters')),
  accountIds: maybe(z.array(accountId).max(1_000)),
  regions: maybe(z.array(region).max(100)),
  organizationId: maybe(z.string().regex(/^o-[a-z0-9]{10,32}$/, 'is not the id of an organization: o-...')),
  pollIntervalSeconds: maybe(seconds(5)),
  startAt: maybe(z.date()),
});

const roleArn = z
  .string()
  .regex(
    /^arn:aws(-[a-z]+)*:iam::(\d{12}|\{accountId\}):role\/[\w+=,.@/-]{1,512}$/,
    'is not the ARN of a role: arn:aws:iam::111122223333:role/name, or {accountId} for the account',
  );

const aws = z.object({
  region: maybe(region),
  profile: maybe(z.string().min(1).max(100)),
  roleArn: maybe(roleArn),
  accessKeyId: maybe(z.string().min(1).max(128)),
  secretAccessKey: maybe(z.string().min(1).max(256)),
  sessionToken: maybe(z.string().min(1).max(4_096)),
  endpointUrl: maybe(z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).max(2_048)),
});

const httpPush = z.object({ token: maybe(z.string()) });
const demo = z.object({
  eventsPerSecond: maybe(z.number().min(0.01, 'must be 0.01 at least').max(1_000, 'must be 1000 at most')),
  seed: maybe(z.number().int()),
});

const shape = {
  aws: maybe(aws),
  lookupEvents: maybe(lookupEvents),
  s3: maybe(s3),
  sqs: maybe(sqs),
  httpPush: maybe(httpPush),
  demo: maybe(demo),
  dropFilter: z.any().optional(),
};

const create = z.object({ name, ...shape });
const update = z.object({ name: name.nullish(), ...shape });

export type CheckedCreate = z.infer<typeof create>;
export type CheckedUpdate = z.infer<typeof update>;

/** @throws Invalid naming every fault at once */
export function checkCreate(input: unknown): CheckedCreate {
  return checkedInput(create, input, 'source');
}

/** @throws Invalid naming every fault at once */
export function checkUpdate(input: unknown): CheckedUpdate {
  return checkedInput(update, input, 'source');
}
