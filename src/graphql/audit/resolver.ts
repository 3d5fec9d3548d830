import { Authorized, Query, Resolver } from 'type-graphql';
import type { AuditStore } from '../../store/audit';
import { AfterArg, FirstArg } from '../arguments';
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
    @FirstArg(50) first: number | null,
    @AfterArg() after?: string | null,
  ): Promise<AuditEntryConnection> {
    return toConnection(await this.entries.page(pageRequest({ first, after })), toAuditEntry);
  }
}
