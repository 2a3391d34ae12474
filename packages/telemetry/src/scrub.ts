/** Scrubbing: what is secret does not appear in a line, neither under a name that says so nor as a known text. */

/** Names under which nothing is written. */
const SECRET_NAMES = [
  "password",
  "secret",
  "token",
  "authorization",
  "auth_token",
  "authToken",
  "nats_password",
  "nats_token",
  "nats_nkey_seed",
  "nkeySeed",
  "credentials",
  "cookie",
] as const;

/** Those names, at the top and up to two levels below it. */
export const SECRET_PATHS: readonly string[] = SECRET_NAMES.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

const SHORTEST = 4;

/** A function that takes all of `secrets` out of a text. Shorter ones than four characters would tear words apart. */
export function scrubberOf(secrets: (() => Iterable<string>) | Iterable<string>): (text: string) => string {
  return (text) => {
    let clean = text;
    for (const secret of typeof secrets === "function" ? secrets() : secrets) {
      if (secret.length >= SHORTEST) {
        clean = clean.replaceAll(secret, "[redacted]");
        // As it stands inside JSON, where quotes and line ends are escaped.
        const escaped = JSON.stringify(secret).slice(1, -1);
        clean = escaped === secret ? clean : clean.replaceAll(escaped, "[redacted]");
      }
    }
    return clean;
  };
}
