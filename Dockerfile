FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY packages/client/package.json packages/client/
RUN npm ci --no-audit --no-fund
COPY . .
# The client package is a workspace: its link would lead nowhere in the image. Source maps lead to sources that are not
# there, and of the ASN tables only those with dotted addresses are read. A package with `bin` of its own is installed
# anew by npx, which a read-only root does not bear; without it `npx trailgraph` is the link below.
RUN npm run build && npm prune --omit=dev --no-audit --no-fund && rm -rf node_modules/@trailgraph \
  && npm pkg delete bin scripts workspaces devDependencies && ln -sf ../../dist/cli/main.js node_modules/.bin/trailgraph \
  && find dist node_modules -name '*.map' -delete && rm -f dist/.tsbuildinfo node_modules/@ip-location-db/asn/*-num.csv \
  && mkdir /data

FROM node:20-bookworm-slim
# A worker by itself tells its health at METRICS_PORT, all others at PORT.
ENV NODE_ENV=production HOST=0.0.0.0 PORT=4000 METRICS_PORT=4000 DATA_DIR=/data
WORKDIR /app
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/schema ./schema
COPY --from=build /app/package.json /app/LICENSE /app/NOTICE ./
# A new volume mounted here takes over this owner.
COPY --from=build --chown=1000:1000 /data /data
# By number, so that Kubernetes' runAsNonRoot can tell; it is the image's user `node`.
USER 1000:1000
EXPOSE 4000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s --retries=3 \
  CMD ["node", "dist/cli/main.js", "health"]
CMD ["node", "dist/main.js"]
