import { Field, Float, ObjectType } from 'type-graphql';
import type { HealthStatus } from '../../domain/source';
import { HealthStatusEnum } from '../sources/types';

@ObjectType({ description: 'One part that TrailGraph rests on.' })
export class ComponentHealth {
  @Field(() => String, { description: 'mongodb, valkey, or webhook proxy where there is one.' })
  name!: string;

  @Field(() => HealthStatusEnum, { description: 'How it fares.' })
  status!: HealthStatus;

  @Field(() => Float, { nullable: true, description: 'Milliseconds of a round trip.' })
  latencyMs!: number | null;

  @Field(() => String, { nullable: true, description: 'What is wrong.' })
  message!: string | null;
}

@ObjectType({ description: 'How the server fares.' })
export class Health {
  @Field(() => HealthStatusEnum, {
    description:
      'The worst that matters: without MongoDB FAILING, without Valkey or the proxy for webhooks DEGRADED.',
  })
  status!: HealthStatus;

  @Field(() => String, { description: 'Version of TrailGraph.' })
  version!: string;

  @Field(() => Float, { description: 'Seconds since the start.' })
  uptimeSeconds!: number;

  @Field(() => [ComponentHealth], { description: 'Its parts.' })
  components!: ComponentHealth[];
}
