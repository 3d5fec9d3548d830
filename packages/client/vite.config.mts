import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/** The client as modules of ECMAScript and of CommonJS; what it rests on is installed beside it. */
export default defineConfig({
  root: here('.'),
  build: {
    lib: {
      entry: { index: here('index.ts'), documents: here('documents.ts') },
    },
    outDir: here('dist'),
    emptyOutDir: true,
    target: 'es2022',
    minify: false,
    sourcemap: false,
    reportCompressedSize: false,
    rolldownOptions: {
      external: ['graphql-ws/client'],
      output: [
        { format: 'es', entryFileNames: '[name].mjs', chunkFileNames: '[name].mjs' },
        { format: 'cjs', entryFileNames: '[name].cjs', chunkFileNames: '[name].cjs' },
      ],
    },
  },
});
