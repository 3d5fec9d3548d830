import { Query, Resolver } from 'type-graphql';
import { Health } from './types';

@Resolver()
export class HealthResolver {
  constructor(private readonly health: { check(): Promise<Health> }) {}

  @Query(() => Health, { name: 'health', description: 'How the server fares. Needs no login.' })
  async serverHealth(): Promise<Health> {
    return this.health.check();
  }
}
