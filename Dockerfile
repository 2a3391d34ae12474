# The sample shop: one image for all its parts. `docker run aether-shop:0.1.0 alpha`; see docs/nats.md.

FROM node:20.20.2-bookworm-slim AS build
WORKDIR /app
COPY . .
RUN npm ci --ignore-scripts --no-audit --no-fund \
  && npx tsc -b tsconfig.build.json \
  && npm ci --ignore-scripts --no-audit --no-fund --omit=dev --workspace=services

FROM node:20.20.2-bookworm-slim
ENV NODE_ENV=production NO_COLOR=1
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/packages ./packages
COPY --from=build /app/services ./services
COPY --from=build /app/config ./config
USER node
ENTRYPOINT ["node", "services/dist/run.js"]
CMD ["gateway"]
