import { execFileSync, spawnSync } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Aether, AetherError } from "@aether/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type NatsOptions, natsMedium } from "../src/index.ts";
import { binaryOf, NatsServer, VERSIONS } from "./nats-server.ts";
import { until } from "./until.ts";

const script = fileURLToPath(new URL("../../../scripts/dev-certs.mjs", import.meta.url));

/** Makes certificates in `into`, as people do for development. */
function devCertificates(into: string, ...options: readonly string[]): void {
  execFileSync(process.execPath, [script, into, ...options], { stdio: "ignore" });
}

let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "aether-tls-"));
  devCertificates(at("own"), "alpha", "beta");
  devCertificates(at("other"), "stranger");
  devCertificates(at("elsewhere"), "--host=elsewhere.test");
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What a server's configuration says of TLS. */
function tlsConfig(certificates: string, verify: boolean): string {
  const path = (name: string): string => JSON.stringify(join(certificates, name));
  return `tls { cert_file: ${path("server.pem")}, key_file: ${path("server-key.pem")}, ca_file: ${path("ca.pem")}, verify: ${verify} }\n`;
}

const files = (certificates: string, client?: string): NatsOptions["tls"] => ({
  caFile: at(`${certificates}/ca.pem`),
  ...(client !== undefined && {
    certFile: at(`${certificates}/${client}.pem`),
    keyFile: at(`${certificates}/${client}-key.pem`),
  }),
});

async function opens(options: NatsOptions): Promise<void> {
  const aether = await Aether.connect({ medium: natsMedium({ connectTimeoutMs: 2000, ...options }) });
  await aether.vibrator("beta").resonateOn("ask", () => "answer");
  expect((await aether.vibrator("alpha").query("ask")).payload).toBe("answer");
  await aether.close({ deadlineMs: 0 });
}

async function refuses(options: NatsOptions): Promise<AetherError> {
  try {
    const aether = await Aether.connect({ medium: natsMedium({ connectTimeoutMs: 2000, ...options }) });
    await aether.close();
  } catch (error) {
    if (error instanceof AetherError) {
      return error;
    }
    throw error;
  }
  throw new Error("Expected the connection to be refused");
}

describe("TLS", () => {
  let server: NatsServer;
  let url: string;
  beforeAll(async () => {
    server = await NatsServer.start({ config: tlsConfig(at("own"), true) });
    url = `tls://localhost:${server.port}`;
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test("a client with a certificate of the authority is let in", async () => {
    await opens({ servers: url, tls: files("own", "alpha") });
  });

  test("an authority that is given as text does as well", async () => {
    const [ca, cert, key] = await Promise.all(
      ["own/ca.pem", "own/beta.pem", "own/beta-key.pem"].map((name) => readFile(at(name), "utf8")),
    );
    await opens({ servers: url, tls: { ca, cert, key } });
  });

  test.each([
    ["a server that nobody vouches for", () => ({ tls: files("other", "stranger") })],
    ["a client without a certificate", () => ({ tls: files("own") })],
    [
      "a client with a certificate of somebody else",
      () => ({ tls: { ...files("other", "stranger"), caFile: at("own/ca.pem") } }),
    ],
    ["a server under tls:// of an authority that Node does not know", () => ({})],
  ])("refuses %s", async (_, options) => {
    const error = await refuses({ servers: url, ...options() });
    expect(["AETHER_DISCONNECTED", "AETHER_UNAUTHORISED"]).toContain(error.code);
  });

  test("refuses a certificate of another host", async () => {
    await using elsewhere = await NatsServer.start({ config: tlsConfig(at("elsewhere"), false) });
    const error = await refuses({ servers: `tls://localhost:${elsewhere.port}`, tls: files("elsewhere") });
    expect(error.message).toMatch(/altname|does not match|host/i);
  });

  test("refuses a certificate that has expired", async () => {
    devCertificates(at("old"), "--days=-1");
    await using old = await NatsServer.start({ config: tlsConfig(at("old"), false) });
    const error = await refuses({ servers: `tls://localhost:${old.port}`, tls: files("old") });
    expect(error.message).toMatch(/talks TLS.*expired/i);
    expect(error.code).toBe("AETHER_DISCONNECTED");
  });

  test("refuses a server without TLS where tls:// or `tls` asks for it", async () => {
    await using plain = await NatsServer.start();
    for (const options of [
      { servers: `tls://localhost:${plain.port}` },
      { servers: `nats://localhost:${plain.port}`, tls: {} },
    ]) {
      expect((await refuses(options)).message).toMatch(/tls/i);
    }
  });

  test("a certificate is exchanged without a restart", async () => {
    devCertificates(at("turning"), "alpha");
    await using turning = await NatsServer.start({ config: tlsConfig(at("turning"), true) });
    const aether = await Aether.connect({
      medium: natsMedium({ servers: `tls://localhost:${turning.port}`, tls: files("turning", "alpha") }),
    });
    let connected = 0;
    let lost = 0;
    aether.on("connected", () => void connected++);
    aether.on("disconnected", () => void lost++);
    await aether.vibrator("beta").resonateOn("ask", () => "answer");
    await turning.kill("SIGKILL");
    await until(() => lost === 1);
    // Another authority: what was read at the start would no longer do.
    await rm(at("turning"), { recursive: true });
    devCertificates(at("turning"), "alpha");
    await turning.run();
    await until(() => connected === 1);
    expect((await aether.vibrator("alpha").query("ask")).payload).toBe("answer");
    await aether.close({ deadlineMs: 0 });
  });
});

test.each(VERSIONS)("config/nats-tls.conf is a configuration that server %s takes", async (version) => {
  const example = fileURLToPath(new URL("../../../config/nats-tls.conf", import.meta.url));
  const root = at(`example-${version}`);
  await mkdir(join(root, "config"), { recursive: true });
  await copyFile(example, join(root, "config/nats-tls.conf"));
  devCertificates(join(root, "config/certs"), "alpha", "beta");
  const check = spawnSync(binaryOf(version), ["-t", "-c", "config/nats-tls.conf"], { cwd: root, encoding: "utf8" });
  expect(`${check.stdout}${check.stderr}`).toContain("is valid");
  expect(check.status).toBe(0);
});

describe("an identity", () => {
  test("is let in by user and password, token and nkey, and refused without", async () => {
    const { createUser } = await import("@nats-io/transport-node").then(({ nkeys }) => nkeys);
    const user = createUser();
    const seed = new TextDecoder().decode(user.getSeed());
    const cases: readonly [string, NatsOptions, NatsOptions][] = [
      ['authorization { user: "u", password: "p" }', { user: "u", password: "p" }, { user: "u", password: "wrong" }],
      ['authorization { token: "t" }', { token: () => "t" }, { token: "wrong" }],
      [`authorization { users: [{ nkey: ${user.getPublicKey()} }] }`, { nkeySeed: seed }, {}],
    ];
    for (const [config, right, wrong] of cases) {
      await using server = await NatsServer.start({ config: `${config}\n` });
      await opens({ servers: server.url, ...right });
      expect((await refuses({ servers: server.url, ...wrong })).code).toBe("AETHER_UNAUTHORISED");
    }
  });

  test.each([
    [{ nkeySeed: "SUp4ssw0rd" }, "nkeySeed"],
    [{ credentialsFile: "/nowhere/p4ssw0rd.creds" }, "credentialsFile"],
    [{ token: (() => 5) as unknown as () => string }, "token"],
  ])("that cannot be read is refused as the option that it is: %j", async (identity, option) => {
    await using server = await NatsServer.start();
    await expect(Aether.connect({ medium: natsMedium({ servers: server.url, ...identity }) })).rejects.toMatchObject({
      code: "AETHER_BAD_OPTION",
      details: { option },
    });
  });

  test("may change: a function is asked at every connection", async () => {
    let password = "first";
    await using server = await NatsServer.start({ config: 'authorization { user: "u", password: "first" }\n' });
    const aether = await Aether.connect({
      medium: natsMedium({ servers: server.url, user: "u", password: () => password }),
    });
    let connected = 0;
    aether.on("connected", () => void connected++);
    await server.kill("SIGKILL");
    password = "second";
    await using changed = await NatsServer.start({
      port: server.port,
      config: 'authorization { user: "u", password: "second" }\n',
    });
    await until(() => connected === 1);
    expect(changed.port).toBe(server.port);
    await aether.close({ deadlineMs: 0 });
  });

  test("that may not use a subject is told", async () => {
    await using server = await NatsServer.start({
      config: `authorization { users: [
        { user: "u", password: "p", permissions: { publish: { deny: ["aether.*.*.secret.>"] }, subscribe: { deny: ["aether.*.*.secret.>"] } } }
      ] }\n`,
    });
    const aether = await Aether.connect({ medium: natsMedium({ servers: server.url, user: "u", password: "p" }) });
    const alpha = aether.vibrator("alpha");
    await expect(alpha.resonateOn("secret.plans", () => {})).rejects.toMatchObject({ code: "AETHER_UNAUTHORISED" });
    await expect(alpha.emit("secret.plans", 1, { kind: "command" })).rejects.toMatchObject({
      code: "AETHER_UNAUTHORISED",
    });
    let code: unknown;
    await until(() => {
      alpha.emit("secret.plans", 1).catch((error: AetherError) => {
        code = error.code;
      });
      return code !== undefined;
    });
    expect(code).toBe("AETHER_UNAUTHORISED");
    await aether.close({ deadlineMs: 0 });
  });
});

describe("options that would let a secret out", () => {
  const cases: readonly [string, NatsOptions, RegExp][] = [
    ["an identity in an address", { servers: "nats://u:p4ssw0rd@127.0.0.1:4222" }, /without an identity/],
    ["TLS with a number for a host", { servers: "tls://127.0.0.1:4222" }, /host names/],
    ["TLS with a number, by option", { servers: "nats://127.0.0.1:4222", tls: {} }, /host names/],
    [
      "an identity in the clear",
      { servers: "nats://nats.example:4222", namespace: "shop", user: "u", password: "p4ssw0rd" },
      /beyond this machine/,
    ],
    ["no namespace on another machine", { servers: "nats://nats.example:4222" }, /do not mix/],
    ["two identities", { user: "u", token: "p4ssw0rd" }, /one of/],
    ["a password without a user", { password: "p4ssw0rd" }, /where a password is/],
    ["a certificate without its key", { servers: "tls://localhost", tls: { certFile: "a.pem" } }, /both/],
    [
      "a switch to trust anybody",
      { servers: "tls://localhost", tls: { rejectUnauthorized: false } as object },
      /caFile/,
    ],
    ["something else than an address", { servers: "http://localhost:4222" }, /nats:\/\/ or tls:\/\//],
    ["no server", { servers: [] }, /an address such as/],
    ["a namespace of several tokens", { namespace: "a.b" }, /A-Z a-z/],
    ["an unknown option", { reconnect: false } as object, /only/],
    [
      "an identity in the clear to a name that only begins like this machine",
      { servers: "nats://127.0.0.1.example.com", namespace: "shop", user: "u", password: "p4ssw0rd" },
      /beyond this machine/,
    ],
    ["no namespace on such a machine", { servers: "nats://127.example.com" }, /do not mix/],
    ["null for a namespace", { servers: "nats://nats.example", namespace: null } as object, /A-Z a-z/],
    ["null for servers", { servers: null } as object, /an address such as/],
    ["null for TLS", { servers: "nats://localhost", tls: null } as object, /an object/],
    ["a namespace of NATS itself", { namespace: "_INBOX" }, /of your own/],
    ["an address with a path", { servers: "nats://127.0.0.1:4222/shop" }, /a host and a port/],
    ["port 0", { servers: "nats://127.0.0.1:0" }, /nats:\/\//],
    ["a time that no timer can wait", { connectTimeoutMs: 2 ** 40 }, /at most 2147483647/],
    ["null for a time", { beatMs: null } as object, /whole number/],
    ["an authority twice", { servers: "tls://localhost", tls: { ca: "x", caFile: "y" } }, /once/],
    ["an empty file name", { servers: "tls://localhost", tls: { caFile: "" } }, /a text/],
    ["an empty user", { user: "", password: "p4ssw0rd" }, /at least one character/],
  ];

  test.each(cases)("are refused: %s", (_, options, text) => {
    expect(() => natsMedium(options)).toThrow(
      expect.objectContaining({ code: "AETHER_BAD_OPTION", message: expect.stringMatching(text) }),
    );
    try {
      natsMedium(options);
    } catch (error) {
      expect(JSON.stringify([error, String(error), (error as AetherError).details])).not.toContain("p4ssw0rd");
    }
  });

  test("an identity in the clear is let out where that is asked for", () => {
    expect(() =>
      natsMedium({ servers: "nats://nats.example", namespace: "shop", user: "u", password: "p", allowInsecure: true }),
    ).not.toThrow();
  });
});
