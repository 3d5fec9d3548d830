import { Arg, Authorized, Ctx, ID, Mutation, Resolver } from 'type-graphql';
import type { Context } from '../context';
import { CreateSourceInput } from './inputs';
import type { SourceTester } from './source-test';
import { SourceTest } from './source-test-types';

@Resolver()
export class SourceTestResolver {
  constructor(private readonly tester: SourceTester) {}

  @Authorized('OPERATOR')
  @Mutation(() => SourceTest, {
    description:
      'Tries step by step what a source would do, within 30 s, and stores nothing. By id, by input, or by both: then ' +
      'the input changes the saved source, whose secrets are kept.',
  })
  async testSource(
    @Ctx() { caller }: Context,
    @Arg('id', () => ID, { nullable: true, description: 'A saved source.' }) id?: string | null,
    @Arg('input', () => CreateSourceInput, {
      nullable: true,
      description: 'A source to be, or what would change in the saved one.',
    })
    input?: CreateSourceInput | null,
  ): Promise<SourceTest> {
    return this.tester.test(id ?? null, input ?? null, caller!.role);
  }
}
