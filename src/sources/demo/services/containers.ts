import type { Scene } from '../scene';
import { type Call, fault, read, readFull, type ServiceTemplate, write } from '../template';

const cluster = (s: Scene) => s.arn('ecs', `cluster/${s.account.name}`);
const task = (s: Scene) => s.arn('ecs', `task/${s.account.name}/${s.dice.hex(32)}`);
const noCluster = [fault('ClusterNotFoundException', 'Cluster not found.')];

export const ECS: ServiceTemplate = {
  source: 'ecs.amazonaws.com',
  eventVersion: '1.10',
  errors: 'json',
  events: [
    read('DescribeServices', 8, (s) => ({ cluster: cluster(s), services: [s.serviceName()] }), {
      errors: noCluster,
    }),
    read('DescribeTasks', 6, (s) => ({ cluster: cluster(s), tasks: [task(s)] }), { errors: noCluster }),
    read('ListClusters', 2, () => ({ maxResults: 100 })),
    write(
      'RunTask',
      2,
      (s) => {
        const taskDefinition = `${s.serviceName()}:${s.dice.between(1, 120)}`;
        const taskArn = task(s);
        return {
          request: {
            cluster: cluster(s),
            taskDefinition,
            launchType: 'FARGATE',
            count: 1,
            enableECSManagedTags: true,
          },
          response: {
            tasks: [
              {
                taskArn,
                clusterArn: cluster(s),
                taskDefinitionArn: s.arn('ecs', `task-definition/${taskDefinition}`),
                lastStatus: 'PROVISIONING',
                desiredStatus: 'RUNNING',
                launchType: 'FARGATE',
                cpu: '512',
                memory: '1024',
              },
            ],
            failures: [],
          },
        };
      },
      { errors: noCluster },
    ),
    write(
      'UpdateService',
      2,
      (s) => {
        const service = s.serviceName();
        const desiredCount = s.dice.between(1, 12);
        return {
          request: { cluster: cluster(s), service, desiredCount, forceNewDeployment: false },
          response: {
            service: {
              serviceArn: s.arn('ecs', `service/${s.account.name}/${service}`),
              serviceName: service,
              clusterArn: cluster(s),
              status: 'ACTIVE',
              desiredCount,
              launchType: 'FARGATE',
            },
          },
        };
      },
      { errors: noCluster },
    ),
    write(
      'SubmitTaskStateChange',
      5,
      (s) => ({
        request: { cluster: cluster(s), task: task(s), status: 'RUNNING' },
        response: { acknowledgment: 'ACK' },
      }),
      { by: ['workload'] },
    ),
  ],
};

const noEks = [fault('ResourceNotFoundException', (s) => `No cluster found for name: ${s.serviceName()}.`)];

export const EKS: ServiceTemplate = {
  source: 'eks.amazonaws.com',
  eventVersion: '1.10',
  errors: 'json',
  events: [
    read('DescribeCluster', 6, (s) => ({ name: `${s.account.name}-eks` }), { errors: noEks }),
    read('ListNodegroups', 3, (s) => ({ name: `${s.account.name}-eks`, maxResults: 100 }), { errors: noEks }),
    write(
      'UpdateNodegroupConfig',
      1,
      (s) => {
        const scalingConfig = { minSize: 2, maxSize: 10, desiredSize: s.dice.between(2, 10) };
        return {
          request: {
            name: `${s.account.name}-eks`,
            nodegroupName: 'general',
            scalingConfig,
            clientRequestToken: s.dice.uuid(),
          },
          response: {
            update: {
              id: s.dice.uuid(),
              status: 'InProgress',
              type: 'ConfigUpdate',
              params: [{ type: 'DesiredSize', value: String(scalingConfig.desiredSize) }],
              errors: [],
            },
          },
        };
      },
      { errors: noEks },
    ),
  ],
};

const repository = (s: Scene) => `${s.team()}/api`;

function repositoryCall(s: Scene, more: (name: string) => Record<string, unknown>): Call {
  const repositoryName = repository(s);
  return {
    request: { registryId: s.account.id, repositoryName, ...more(repositoryName) },
    resources: [{ ARN: s.arn('ecr', `repository/${repositoryName}`), accountId: s.account.id }],
  };
}

export const ECR: ServiceTemplate = {
  source: 'ecr.amazonaws.com',
  eventVersion: '1.10',
  errors: 'json',
  events: [
    read('GetAuthorizationToken', 10),
    readFull(
      'BatchGetImage',
      8,
      (s) =>
        repositoryCall(s, () => ({
          imageIds: [{ imageTag: `v1.${s.dice.below(60)}` }],
          acceptedMediaTypes: ['application/vnd.oci.image.manifest.v1+json'],
        })),
      {
        by: ['workload', 'user', 'foreign'],
        errors: [
          fault(
            'RepositoryNotFoundException',
            (s) =>
              `The repository with name '${repository(s)}' does not exist in the registry with id '${s.account.id}'`,
          ),
        ],
      },
    ),
    readFull('DescribeImages', 3, (s) => repositoryCall(s, () => ({ maxResults: 100 }))),
    write('PutImage', 2, (s) => {
      const imageTag = `v1.${s.dice.below(60)}`;
      const call = repositoryCall(s, () => ({
        imageTag,
        imageManifestMediaType: 'application/vnd.oci.image.manifest.v1+json',
      }));
      return {
        ...call,
        response: {
          image: {
            registryId: s.account.id,
            repositoryName: repository(s),
            imageId: { imageDigest: `sha256:${s.dice.hex(64)}`, imageTag },
          },
        },
      };
    }),
  ],
};

const groupName = (s: Scene) => `${s.serviceName()}-asg`;

export const AUTO_SCALING: ServiceTemplate = {
  source: 'autoscaling.amazonaws.com',
  eventVersion: '1.09',
  errors: 'query',
  events: [
    read('DescribeAutoScalingGroups', 9, () => ({ maxRecords: 100 })),
    read('DescribeScalingActivities', 3, (s) => ({ autoScalingGroupName: groupName(s), maxRecords: 100 })),
    write(
      'SetDesiredCapacity',
      2,
      (s) => ({
        request: {
          autoScalingGroupName: groupName(s),
          desiredCapacity: s.dice.between(1, 20),
          honorCooldown: false,
        },
      }),
      {
        errors: [
          fault(
            'ScalingActivityInProgressException',
            'Scaling activity is in progress and blocks this action',
          ),
        ],
      },
    ),
    write('TerminateInstanceInAutoScalingGroup', 1, (s) => {
      const instanceId = s.owned('i-0', 12, 16);
      return {
        request: { instanceId, shouldDecrementDesiredCapacity: false },
        response: {
          activity: {
            activityId: s.dice.uuid(),
            autoScalingGroupName: groupName(s),
            statusCode: 'InProgress',
            progress: 0,
            cause: `instance ${instanceId} was taken out of service in response to a user request.`,
          },
        },
      };
    }),
  ],
};
