/** Security: TLS and the identity of a client, checked so that nothing secret goes out in the clear. */

import { readFileSync } from "node:fs";
import { messageOf } from "@aether/core";
import {
  type Authenticator,
  credsAuthenticator,
  nkeyAuthenticator,
  type TlsOptions,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "@nats-io/transport-node";
import { expected, type Known } from "./expected.ts";
import type { CheckedServer } from "./servers.ts";

/** Certificates as files, which are read again at every connection, or as their text in PEM. */
export interface TlsFiles {
  /** Who may vouch for the server. Default: the authorities that Node knows. */
  readonly caFile?: string | undefined;
  /** This client's certificate and its key, for servers that ask for one. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** A secret, or a function that gives it at every connection, so that it may change. */
export type Secret = string | (() => string);

/** Who the client is, and how it talks. */
export interface SecurityOptions {
  /** `{}`: TLS with the authorities that Node knows. Servers under `tls://` are talked to by TLS in any case. */
  readonly tls?: TlsFiles | undefined;
  readonly user?: string | undefined;
  readonly password?: Secret | undefined;
  readonly token?: Secret | undefined;
  /** Seed of an nkey, `"SU…"`. */
  readonly nkeySeed?: Secret | undefined;
  /** A `.creds` file, read again at every connection. */
  readonly credentialsFile?: string | undefined;
  /** Lets an identity out over a connection that is not encrypted and leaves this machine. Default false. */
  readonly allowInsecure?: boolean | undefined;
}

/** {@link SecurityOptions}, checked. */
export interface Security {
  readonly tls: TlsOptions | undefined;
  readonly authenticator: Authenticator | undefined;
}

export const SECURITY_OPTIONS: Known<SecurityOptions> = {
  tls: true,
  user: true,
  password: true,
  token: true,
  nkeySeed: true,
  credentialsFile: true,
  allowInsecure: true,
};

const TLS_OPTIONS: Known<TlsFiles> = { caFile: true, certFile: true, keyFile: true, ca: true, cert: true, key: true };

/** `options` if they are legal, and let no secret out to `servers`. Throws `AETHER_BAD_OPTION`. */
export function securityOf(options: SecurityOptions, servers: readonly CheckedServer[]): Security {
  const tls = tlsOf(options.tls, servers);
  const authenticator = authenticatorOf(options);
  const { allowInsecure = false } = options;
  if (typeof allowInsecure !== "boolean") {
    throw expected("allowInsecure", "true or false", allowInsecure);
  }
  const far = servers.find(({ loopback }) => !loopback);
  if (authenticator !== undefined && tls === undefined && far !== undefined && !allowInsecure) {
    throw expected(
      "tls",
      "given where an identity is sent beyond this machine; `tls: {}` will do, or `allowInsecure: true` on a network that you trust",
      far.address,
    );
  }
  return { tls, authenticator };
}

function tlsOf(tls: TlsFiles | undefined, servers: readonly CheckedServer[]): TlsOptions | undefined {
  if (tls === undefined && servers.every(({ secure }) => !secure)) {
    return undefined;
  }
  const files: TlsFiles = tls === undefined ? {} : tls;
  if (typeof files !== "object" || files === null || Array.isArray(files)) {
    throw expected("tls", "an object such as { caFile, certFile, keyFile }", files);
  }
  for (const [name, value] of Object.entries(files)) {
    if (name === "rejectUnauthorized") {
      throw expected(
        "tls",
        "without `rejectUnauthorized`: a server that nobody vouches for is refused; name its authority in `caFile`",
        name,
      );
    }
    if (!Object.hasOwn(TLS_OPTIONS, name) || (value !== undefined && typeof value !== "string") || value === "") {
      throw expected(`tls.${name}`, `a text under one of ${Object.keys(TLS_OPTIONS).join(", ")}`, typeof value);
    }
  }
  const { caFile, certFile, keyFile, ca, cert, key } = files;
  const twice = Object.entries({ ca: caFile, cert: certFile, key: keyFile }).find(
    ([name, file]) => file !== undefined && Reflect.get(files, name) !== undefined,
  );
  if (twice !== undefined) {
    throw expected(`tls.${twice[0]}`, "given once, as a file or as its text", "both");
  }
  if (((certFile ?? cert) !== undefined) !== ((keyFile ?? key) !== undefined)) {
    throw expected(
      "tls",
      "both a certificate and its key, or neither",
      cert === undefined && certFile === undefined ? "a key" : "a certificate",
    );
  }
  const address = servers.find(({ isAddress }) => isAddress);
  if (address !== undefined) {
    // The client would hold the certificate to the name `localhost`, whoever answers.
    throw expected("servers", "host names where TLS is used, for certificates name hosts", address.address);
  }
  return {
    ...(caFile !== undefined && { caFile }),
    ...(certFile !== undefined && { certFile }),
    ...(keyFile !== undefined && { keyFile }),
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
}

/** One identity at the most, read anew at every connection. */
function authenticatorOf(options: SecurityOptions): Authenticator | undefined {
  const { user, password, token, nkeySeed, credentialsFile } = options;
  const given = Object.entries({ user, token, nkeySeed, credentialsFile }).filter(([, value]) => value !== undefined);
  if (given.length > 1) {
    throw expected(
      "identity",
      "one of user, token, nkeySeed and credentialsFile",
      given.map(([name]) => name).join(" and "),
    );
  }
  if (password !== undefined && user === undefined) {
    throw expected("user", "given where a password is", user);
  }
  if (user !== undefined) {
    return usernamePasswordAuthenticator(textOf("user", user), secretOf("password", password ?? ""));
  }
  if (token !== undefined) {
    return tokenAuthenticator(secretOf("token", token));
  }
  if (nkeySeed !== undefined) {
    const seed = secretOf("nkeySeed", nkeySeed);
    return nkeyAuthenticator(() => new TextEncoder().encode(seedOf(seed())));
  }
  if (credentialsFile !== undefined) {
    const file = textOf("credentialsFile", credentialsFile);
    return credsAuthenticator(() => readable(file));
  }
  return undefined;
}

/** `seed` if it looks like one. No error shows it. */
function seedOf(seed: string): string {
  if (/^SU[A-Z2-7]{56}$/.test(seed.trim())) {
    return seed.trim();
  }
  throw expected("nkeySeed", "the seed of a user's nkey, 58 characters that begin with SU", "another text");
}

/** What the file holds. */
function readable(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw expected("credentialsFile", "a file that can be read", messageOf(cause));
  }
}

function textOf(name: string, text: unknown): string {
  if (typeof text === "string" && text.length > 0) {
    return text;
  }
  throw expected(name, "a text of at least one character", text === "" ? "an empty one" : typeof text);
}

/** A function that gives the secret; no error ever shows it. */
function secretOf(name: string, secret: unknown): () => string {
  if (typeof secret === "string") {
    return () => secret;
  }
  if (typeof secret !== "function") {
    throw expected(name, "a text, or a function that gives one", typeof secret);
  }
  return () => {
    const given: unknown = secret();
    if (typeof given !== "string") {
      throw expected(name, "a function that gives a text", typeof given);
    }
    return given;
  };
}
