import type { Scene } from '../scene';
import { fault, read, type ServiceTemplate, write } from '../template';
import { wordedTime } from '../times';

const zone = (s: Scene) => s.owned('Z0', 2, 19).toUpperCase();
const noZone = [fault('NoSuchHostedZone', (s) => `No hosted zone found with ID: ${zone(s)}`)];

export const ROUTE53: ServiceTemplate = {
  source: 'route53.amazonaws.com',
  eventVersion: '1.09',
  errors: 'query',
  global: true,
  apiVersion: '2013-04-01',
  events: [
    read('ListHostedZones', 4),
    read('ListResourceRecordSets', 5, (s) => ({ hostedZoneId: zone(s), maxItems: '300' }), {
      errors: noZone,
    }),
    write(
      'ChangeResourceRecordSets',
      3,
      (s) => ({
        request: {
          hostedZoneId: zone(s),
          changeBatch: {
            changes: [
              {
                action: 'UPSERT',
                resourceRecordSet: {
                  name: `${s.serviceName()}.example.com.`,
                  type: 'CNAME',
                  tTL: 300,
                  resourceRecords: [{ value: `${s.team()}.elb.example.com` }],
                },
              },
            ],
          },
        },
        response: {
          changeInfo: {
            status: 'PENDING',
            id: `/change/C${s.dice.alphanumeric(20)}`,
            submittedAt: wordedTime(s.time),
          },
        },
        additional: { Note: 'Do not use to reconstruct hosted zone' },
      }),
      {
        errors: [
          ...noZone,
          fault('InvalidChangeBatch', '[Tried to create resource record set but it already exists]'),
        ],
      },
    ),
  ],
};

const distribution = (s: Scene) => s.owned('E', 3, 13).toUpperCase();

export const CLOUDFRONT: ServiceTemplate = {
  source: 'cloudfront.amazonaws.com',
  eventVersion: '1.09',
  errors: 'query',
  global: true,
  apiVersion: '2020-05-31',
  events: [
    read('GetDistribution', 3, (s) => ({ id: distribution(s) }), {
      errors: [fault('NoSuchDistribution', 'The specified distribution does not exist.')],
    }),
    read('ListDistributions', 2, () => ({ maxItems: '100' })),
    write(
      'CreateInvalidation',
      2,
      (s) => {
        const distributionId = distribution(s);
        const invalidationBatch = { callerReference: s.dice.uuid(), paths: { quantity: 1, items: ['/*'] } };
        const id = `I${s.dice.alphanumeric(25)}`;
        return {
          request: { distributionId, invalidationBatch },
          response: {
            location: `https://cloudfront.amazonaws.com/2020-05-31/distribution/${distributionId}/invalidation/${id}`,
            invalidation: { id, status: 'InProgress', createTime: wordedTime(s.time), invalidationBatch },
          },
        };
      },
      {
        errors: [
          fault(
            'TooManyInvalidationsInProgress',
            'Processing your request will cause you to exceed the maximum number of in-progress wildcard invalidations.',
          ),
        ],
      },
    ),
  ],
};

const targetGroup = (s: Scene) =>
  s.arn('elasticloadbalancing', `targetgroup/${s.team()}/${s.owned('', 4, 16)}`);
const noTarget = [
  fault('TargetGroupNotFoundException', (s) => `Target groups '${targetGroup(s)}' not found`),
];

export const LOAD_BALANCING: ServiceTemplate = {
  source: 'elasticloadbalancing.amazonaws.com',
  eventVersion: '1.10',
  errors: 'query',
  apiVersion: '2015-12-01',
  events: [
    read('DescribeLoadBalancers', 8, () => ({ pageSize: 400 })),
    read('DescribeTargetHealth', 8, (s) => ({ targetGroupArn: targetGroup(s) }), { errors: noTarget }),
    read('DescribeListeners', 3, (s) => ({
      loadBalancerArn: s.arn('elasticloadbalancing', `loadbalancer/app/${s.team()}/${s.owned('', 4, 16)}`),
    })),
    write(
      'RegisterTargets',
      3,
      (s) => ({
        request: { targetGroupArn: targetGroup(s), targets: [{ id: s.privateAddress(), port: 8080 }] },
      }),
      { errors: noTarget },
    ),
    write(
      'DeregisterTargets',
      2,
      (s) => ({
        request: { targetGroupArn: targetGroup(s), targets: [{ id: s.privateAddress(), port: 8080 }] },
      }),
      { errors: noTarget },
    ),
  ],
};

const api = (s: Scene) => s.owned('', 4, 10);

export const API_GATEWAY: ServiceTemplate = {
  source: 'apigateway.amazonaws.com',
  eventVersion: '1.09',
  errors: 'json',
  apiVersion: '2015-07-09',
  events: [
    read('GetRestApis', 3, () => ({ limit: 500 })),
    read('GetStages', 2, (s) => ({ restApiId: api(s) }), {
      errors: [fault('NotFoundException', 'Invalid API identifier specified')],
    }),
    write(
      'CreateDeployment',
      1,
      (s) => ({
        request: { restApiId: api(s), createDeploymentInput: { stageName: 'prod', tracingEnabled: false } },
        response: { id: s.dice.hex(6), createdDate: wordedTime(s.time) },
      }),
      { errors: [fault('BadRequestException', "The REST API doesn't contain any methods")] },
    ),
  ],
};
