import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

/**
 * GraphiQL's style sheet carries its fonts as `data:` URLs. As files they load only when used, and a
 * Content-Security-Policy of `font-src 'self'` holds.
 */
function fontsAsFiles(): Plugin {
  return {
    name: 'fonts-as-files',
    apply: 'build',
    generateBundle(_options, bundle) {
      for (const file of Object.values(bundle)) {
        if (file.type !== 'asset' || !file.fileName.endsWith('.css')) continue;
        file.source = String(file.source).replace(
          /url\(["']?data:font\/(\w+);base64,([^"')]+)["']?\)/g,
          (_match, kind: string, base64: string) => {
            const source = Buffer.from(base64, 'base64');
            const reference = this.emitFile({ type: 'asset', name: `font.${kind}`, source });
            return `url(/graphiql/${this.getFileName(reference)})`;
          },
        );
      }
    },
  };
}

const server = 'http://127.0.0.1:4000';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: '/graphiql/',
  // The tsconfig's jsx setting does for React; fast refresh is not worth a plugin here.
  plugins: [fontsAsFiles()],
  worker: { format: 'es' },
  build: {
    outDir: fileURLToPath(new URL('../../dist/web/graphiql', import.meta.url)),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    target: 'es2022',
    // The editor is one large library, loaded from the same machine.
    chunkSizeWarningLimit: 8_000,
    reportCompressedSize: false,
    rolldownOptions: {
      onwarn(warning, warn) {
        // "use client" in libraries: of no meaning in a bundle for the browser.
        if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') warn(warning);
      },
    },
  },
  server: {
    proxy: { '/graphql': { target: server, ws: true } },
  },
});
