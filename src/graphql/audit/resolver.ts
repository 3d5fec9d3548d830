import { Arg, Authorized, Int, Query, Resolver } from 'type-graphql';
import type { AuditStore } from '../../store/audit';
import { pageRequest, toConnection } from '../connection';
import { AuditEntryConnection, toAuditEntry } from './types';

@Resolver()
export class AuditResolver {
  constructor(private readonly entries: Pick<AuditStore, 'page'>) {}

  @Authorized('ADMIN')
  @Query(() => AuditEntryConnection, {
    description:
      'What was changed, and what was refused: every mutation, and the commands for users. Newest first.',
  })
  async auditLog(
    @Arg('first', () => Int, { nullable: true, defaultValue: 50, description: 'At most 200.' }) first:
      | number
      | null,
    @Arg('after', () => String, { nullable: true, description: 'Cursor of an edge.' }) after?: string | null,
  ): Promise<AuditEntryConnection> {
    return toConnection(await this.entries.page(pageRequest({ first, after })), toAuditEntry);
  }
}
