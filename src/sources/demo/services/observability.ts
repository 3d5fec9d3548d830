import type { Scene } from '../scene';
import { fault, read, type ServiceTemplate, write } from '../template';

const trail = (s: Scene) => s.arn('cloudtrail', 'trail/organization');
const noTrail = [
  fault('TrailNotFoundException', (s) => `Unknown trail: ${trail(s)}-old for the user: ${s.account.id}`),
];

const SELECTORS = [
  {
    readWriteType: 'All',
    includeManagementEvents: true,
    dataResources: [{ type: 'AWS::S3::Object', values: ['arn:aws:s3'] }],
    excludeManagementEventSources: [],
  },
];

export const CLOUDTRAIL: ServiceTemplate = {
  source: 'cloudtrail.amazonaws.com',
  eventVersion: '1.11',
  errors: 'json',
  events: [
    read('DescribeTrails', 7, () => ({ trailNameList: [], includeShadowTrails: true })),
    read('GetTrailStatus', 4, (s) => ({ name: trail(s) }), { errors: noTrail }),
    read('GetEventSelectors', 2, (s) => ({ trailName: trail(s) }), { errors: noTrail }),
    read('LookupEvents', 5, (s) => ({
      lookupAttributes: [{ attributeKey: 'Username', attributeValue: s.person() }],
      maxResults: 50,
    })),
    write('StopLogging', 1, (s) => ({ request: { name: trail(s) } }), { errors: noTrail }),
    write('StartLogging', 1, (s) => ({ request: { name: trail(s) } }), { errors: noTrail }),
    write(
      'PutEventSelectors',
      1,
      (s) => ({
        request: { trailName: 'organization', eventSelectors: SELECTORS },
        response: { trailARN: trail(s), eventSelectors: SELECTORS },
      }),
      { errors: noTrail },
    ),
    write(
      'CreateTrail',
      1,
      (s) => {
        const request = {
          name: `${s.team()}-trail`,
          s3BucketName: s.bucket(),
          includeGlobalServiceEvents: true,
          isMultiRegionTrail: true,
        };
        return {
          request,
          response: {
            ...request,
            trailARN: s.arn('cloudtrail', `trail/${request.name}`),
            logFileValidationEnabled: false,
            isOrganizationTrail: false,
          },
        };
      },
      { errors: [fault('TrailAlreadyExistsException', 'Trail already exists for customer')] },
    ),
    write('DeleteTrail', 1, (s) => ({ request: { name: `${s.team()}-trail` } }), { errors: noTrail }),
  ],
};

const logGroup = (s: Scene) => `/aws/lambda/${s.functionName()}`;
const noGroup = [fault('ResourceNotFoundException', 'The specified log group does not exist.')];

export const LOGS: ServiceTemplate = {
  source: 'logs.amazonaws.com',
  eventVersion: '1.11',
  errors: 'json',
  apiVersion: '20140328',
  events: [
    read('DescribeLogGroups', 8, (s) => ({
      logGroupNamePrefix: `/aws/${s.dice.pick(['lambda', 'ecs', 'rds'])}`,
      limit: 50,
    })),
    read(
      'DescribeLogStreams',
      6,
      (s) => ({ logGroupName: logGroup(s), orderBy: 'LastEventTime', descending: true, limit: 50 }),
      { errors: noGroup },
    ),
    read(
      'FilterLogEvents',
      4,
      (s) => ({
        logGroupName: logGroup(s),
        startTime: s.time.getTime() - 900_000,
        filterPattern: 'ERROR',
        limit: 100,
      }),
      { errors: noGroup },
    ),
    write(
      'CreateLogStream',
      12,
      (s) => ({
        request: {
          logGroupName: logGroup(s),
          logStreamName: `${s.time.toISOString().slice(0, 10).replaceAll('-', '/')}/[$LATEST]${s.dice.hex(32)}`,
        },
      }),
      {
        by: ['workload', 'endpoint'],
        errors: [fault('ResourceAlreadyExistsException', 'The specified log stream already exists')],
      },
    ),
    write(
      'CreateLogGroup',
      2,
      (s) => ({ request: { logGroupName: logGroup(s), tags: { team: s.team() } } }),
      { errors: [fault('ResourceAlreadyExistsException', 'The specified log group already exists')] },
    ),
    write('PutRetentionPolicy', 1, (s) => ({ request: { logGroupName: logGroup(s), retentionInDays: 30 } }), {
      errors: noGroup,
    }),
    write('DeleteLogGroup', 1, (s) => ({ request: { logGroupName: logGroup(s) } }), { errors: noGroup }),
  ],
};

export const MONITORING: ServiceTemplate = {
  source: 'monitoring.amazonaws.com',
  eventVersion: '1.11',
  errors: 'query',
  actions: 'cloudwatch',
  events: [
    read('DescribeAlarms', 9, () => ({ maxRecords: 100 })),
    read('ListMetrics', 4, () => ({ namespace: 'AWS/ApplicationELB', recentlyActive: 'PT3H' })),
    write('PutMetricAlarm', 2, (s) => ({
      request: {
        alarmName: `${s.serviceName()}-5xx`,
        metricName: 'HTTPCode_Target_5XX_Count',
        namespace: 'AWS/ApplicationELB',
        statistic: 'Sum',
        period: 60,
        evaluationPeriods: 5,
        threshold: 10,
        comparisonOperator: 'GreaterThanThreshold',
        treatMissingData: 'notBreaching',
        actionsEnabled: true,
        alarmActions: [s.arn('sns', `${s.team()}-alerts`)],
      },
    })),
    write('DeleteAlarms', 1, (s) => ({ request: { alarmNames: [`${s.serviceName()}-5xx`] } })),
  ],
};

export const CONFIG: ServiceTemplate = {
  source: 'config.amazonaws.com',
  eventVersion: '1.09',
  errors: 'json',
  apiVersion: '2014-11-12',
  events: [
    read('DescribeConfigurationRecorders', 4),
    read('DescribeComplianceByConfigRule', 3, () => ({ complianceTypes: ['NON_COMPLIANT'] })),
    write(
      'PutEvaluations',
      5,
      (s) => ({
        request: {
          evaluations: [
            {
              complianceResourceType: 'AWS::S3::Bucket',
              complianceResourceId: s.bucket(),
              complianceType: 'NON_COMPLIANT',
              orderingTimestamp: s.time.getTime() / 1000,
            },
          ],
          resultToken: s.dice.base64(48),
          testMode: false,
        },
        response: { failedEvaluations: [] },
      }),
      { by: ['workload'] },
    ),
    write('StopConfigurationRecorder', 1, () => ({ request: { configurationRecorderName: 'default' } }), {
      errors: [
        fault(
          'NoSuchConfigurationRecorderException',
          "Cannot find configuration recorder with the specified name 'default'.",
        ),
      ],
    }),
  ],
};

export const HEALTH: ServiceTemplate = {
  source: 'health.amazonaws.com',
  eventVersion: '1.09',
  errors: 'json',
  global: true,
  events: [
    read(
      'DescribeEventAggregates',
      6,
      () => ({ filter: { eventStatusCodes: ['open', 'upcoming'] }, aggregateField: 'eventTypeCategory' }),
      { by: ['console', 'console', 'forwarded'] },
    ),
    read('DescribeEvents', 2, () => ({ filter: { eventStatusCodes: ['open'] }, maxResults: 100 })),
  ],
};
