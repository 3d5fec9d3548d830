import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Exchange } from './lookup-server';
import { pipTool } from './pip-tool';
import { MINISTACK } from './s3-server';

interface Shape {
  type: string;
  members?: Record<string, { shape: string }>;
  required?: string[];
  member?: { shape: string };
  enum?: string[];
  min?: number;
  max?: number;
  pattern?: string;
  exception?: boolean;
  error?: { httpStatusCode?: number };
}

export interface ServiceModel {
  metadata: { protocol: string; jsonVersion: string; targetPrefix: string };
  operations: Record<
    string,
    {
      http: { method: string };
      input: { shape: string };
      output: { shape: string };
      errors: { shape: string }[];
    }
  >;
  shapes: Record<string, Shape>;
}

/**
 * Errors that every service of AWS gives and no model lists, with their codes
 * (https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/CommonErrors.html).
 */
const COMMON_ERRORS: Readonly<Record<string, number>> = {
  AccessDeniedException: 400,
  ExpiredTokenException: 400,
  InternalFailure: 500,
  InvalidSignatureException: 400,
  OptInRequired: 403,
  ServiceUnavailable: 503,
  ThrottlingException: 400,
  UnrecognizedClientException: 400,
};

/** CloudTrail's service model as botocore publishes it. */
export async function cloudTrailModel(): Promise<ServiceModel> {
  const folder = join(await pipTool(MINISTACK), 'botocore/data/cloudtrail');
  const version = (await readdir(folder)).sort().at(-1)!;
  const zipped = await readFile(join(folder, version, 'service-2.json.gz'));
  return JSON.parse(gunzipSync(zipped).toString('utf8')) as ServiceModel;
}

/** The Regions of each AWS partition in which botocore knows CloudTrail. */
export async function cloudTrailRegions(): Promise<Map<string, string[]>> {
  const file = join(await pipTool(MINISTACK), 'botocore/data/endpoints.json');
  const { partitions } = JSON.parse(await readFile(file, 'utf8')) as {
    partitions: {
      partition: string;
      services: Partial<Record<string, { endpoints: Record<string, unknown> }>>;
    }[];
  };
  return new Map(
    partitions.map(({ partition, services }) => [
      partition,
      Object.keys(services.cloudtrail?.endpoints ?? {}).filter((name) => !name.startsWith('fips-')),
    ]),
  );
}

/** What in these calls is not as the model has it; empty where all is. */
export function modelFaults(model: ServiceModel, exchanges: Exchange[]): string[] {
  return exchanges.flatMap(({ operation, request, status, response }) => {
    const known = model.operations[operation];
    if (!known) return [`${operation} is no operation`];
    const asked = shapeFaults(model, known.input.shape, request, `${operation} request`);
    if (status === 200) return [...asked, ...shapeFaults(model, known.output.shape, response, 'response')];
    // A planned refusal of a request that is itself not as the model has it is what the model asks for.
    return [...asked, ...errorFaults(model, known.errors, status, response)];
  });
}

function errorFaults(
  model: ServiceModel,
  errors: { shape: string }[],
  status: number,
  response: Record<string, unknown>,
): string[] {
  const name = String(response.__type);
  const modelled = errors.some(({ shape }) => shape === name);
  const code = modelled ? (model.shapes[name]?.error?.httpStatusCode ?? 400) : COMMON_ERRORS[name];
  if (code === undefined) return [`${name} is no error of this operation`];
  return code === status ? [] : [`${name} comes with ${code}, not ${status}`];
}

function shapeFaults(model: ServiceModel, name: string, value: unknown, at: string): string[] {
  const shape = model.shapes[name];
  if (!shape) return [`${at}: the model has no shape ${name}`];
  switch (shape.type) {
    case 'structure':
      return structureFaults(model, shape, value, at);
    case 'list':
      if (!Array.isArray(value)) return [`${at} is no list`];
      return value.flatMap((each, index) => shapeFaults(model, shape.member!.shape, each, `${at}[${index}]`));
    case 'string':
      return typeof value === 'string' ? rangeFaults(shape, value, value.length, at) : [`${at} is no string`];
    case 'integer':
      return Number.isInteger(value) ? rangeFaults(shape, value, Number(value), at) : [`${at} is no integer`];
    case 'timestamp':
      return typeof value === 'number' ? [] : [`${at} is no time of JSON 1.1, seconds since the epoch`];
    case 'boolean':
      return typeof value === 'boolean' ? [] : [`${at} is no boolean`];
    default:
      return [`${at}: a shape of type ${shape.type} is not checked`];
  }
}

function structureFaults(model: ServiceModel, shape: Shape, value: unknown, at: string): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${at} is no structure`];
  const missing = (shape.required ?? [])
    .filter((name) => !(name in value))
    .map((name) => `${at}.${name} is missing`);
  const members = Object.entries(value).flatMap(([name, member]) => {
    const known = shape.members?.[name];
    return known ? shapeFaults(model, known.shape, member, `${at}.${name}`) : [`${at}.${name} is no member`];
  });
  return [...missing, ...members];
}

function rangeFaults(shape: Shape, value: unknown, size: number, at: string): string[] {
  const faults: string[] = [];
  if (shape.min !== undefined && size < shape.min) faults.push(`${at} is less than ${shape.min}`);
  if (shape.max !== undefined && size > shape.max) faults.push(`${at} is more than ${shape.max}`);
  if (shape.enum && !shape.enum.includes(String(value)))
    faults.push(`${at} is none of ${shape.enum.join(', ')}`);
  if (shape.pattern && !new RegExp(shape.pattern).test(String(value)))
    faults.push(`${at} is not ${shape.pattern}`);
  return faults;
}
