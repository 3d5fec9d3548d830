import type { CodegenConfig } from '@graphql-codegen/cli';
import { preset as clientPreset } from '@graphql-codegen/client-preset';

/** The client preset without its map of all documents by their text: documents are imported by name. */
const preset: typeof clientPreset = {
  ...clientPreset,
  buildGeneratesSection: async (options) =>
    (await clientPreset.buildGeneratesSection(options)).filter(({ filename }) =>
      filename.endsWith('/graphql.ts'),
    ),
};

/** Types the documents under schema/operations: each becomes a string that knows its result and its variables. */
const config: CodegenConfig = {
  schema: 'schema/schema.graphql',
  documents: 'schema/operations/*.graphql',
  silent: true,
  generates: {
    'src/generated/': {
      preset,
      presetConfig: { fragmentMasking: false, skipIndexFile: true },
      config: {
        documentMode: 'string',
        enumsAsTypes: true,
        useTypeImports: true,
        strictScalars: true,
        defaultScalarType: 'unknown',
        scalars: { ID: 'string', DateTime: 'string', JSON: 'unknown', BigInt: 'number' },
      },
    },
  },
};

export default config;
