import { registerEnumType } from 'type-graphql';

export const RoleEnum = { VIEWER: 'VIEWER', OPERATOR: 'OPERATOR', ADMIN: 'ADMIN' } as const;

registerEnumType(RoleEnum, {
  name: 'Role',
  description: 'What a caller may do: each role includes those before it.',
  valuesConfig: {
    VIEWER: { description: 'Reads.' },
    OPERATOR: { description: 'Also writes sources and webhooks, and ingests.' },
    ADMIN: { description: 'Also users, keys and audit.' },
  },
});
