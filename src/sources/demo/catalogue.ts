import { DIRECTORY, IDENTITY_STORE_SERVICE, SIGNIN, SSO, STS } from './services/access';
import { ATHENA, ELASTICACHE, GLUE } from './services/analytics';
import { AUTO_SCALING, ECR, ECS, EKS } from './services/containers';
import { DYNAMODB, RDS } from './services/databases';
import { BACKUP, BEDROCK, CLOUDFORMATION, CODEBUILD } from './services/delivery';
import { EC2 } from './services/ec2';
import { API_GATEWAY, CLOUDFRONT, LOAD_BALANCING, ROUTE53 } from './services/edge';
import { IAM } from './services/iam';
import { KMS } from './services/keys';
import { LAMBDA } from './services/lambda';
import { EVENTS, KINESIS, SNS, SQS, STEP_FUNCTIONS } from './services/messaging';
import { CLOUDTRAIL, CONFIG, HEALTH, LOGS, MONITORING } from './services/observability';
import { ACCOUNT, COST_EXPLORER, ORGANIZATIONS } from './services/organization';
import { S3 } from './services/s3';
import { SECRETS_MANAGER, SSM } from './services/secrets';
import { ACCESS_ANALYZER, ACM, GUARDDUTY, SECURITY_HUB, WAF } from './services/security';
import type { EventTemplate, ServiceTemplate } from './template';

/** An event that a service records. */
export interface Entry {
  service: ServiceTemplate;
  event: EventTemplate;
}

const SERVICES: readonly ServiceTemplate[] = [
  EC2,
  S3,
  IAM,
  STS,
  SIGNIN,
  SSO,
  IDENTITY_STORE_SERVICE,
  DIRECTORY,
  KMS,
  SECRETS_MANAGER,
  SSM,
  LAMBDA,
  ECS,
  EKS,
  ECR,
  AUTO_SCALING,
  RDS,
  DYNAMODB,
  ELASTICACHE,
  ATHENA,
  GLUE,
  SQS,
  SNS,
  EVENTS,
  KINESIS,
  STEP_FUNCTIONS,
  CLOUDTRAIL,
  LOGS,
  MONITORING,
  CONFIG,
  HEALTH,
  GUARDDUTY,
  SECURITY_HUB,
  ACCESS_ANALYZER,
  WAF,
  ACM,
  ROUTE53,
  CLOUDFRONT,
  LOAD_BALANCING,
  API_GATEWAY,
  CLOUDFORMATION,
  CODEBUILD,
  BEDROCK,
  BACKUP,
  ORGANIZATIONS,
  COST_EXPLORER,
  ACCOUNT,
];

/** Each entry as often as it weighs, so that a fair pick of one is a weighted pick. */
export const ENTRIES: readonly Entry[] = SERVICES.flatMap((service) =>
  service.events.flatMap((event) => Array<Entry>(event.weight).fill({ service, event })),
);

/** Those that the session of a role may cause. */
export const SESSION_ENTRIES: readonly Entry[] = ENTRIES.filter(
  ({ event }) =>
    !event.infallible && (!event.by || event.by.includes('workload') || event.by.includes('user')),
);
