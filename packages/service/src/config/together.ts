/** What keys must be together: what no key is wrong in by itself. */

/** A rule that is broken. */
interface Broken {
  /** The key to look at. */
  readonly key: string;
  readonly expected: string;
  readonly got: string;
}

const IDENTITIES = ["nats_user", "nats_token", "nats_nkey_seed", "nats_credentials_path"].map((key) => `aether.${key}`);

/** The rules that `values`, by `section.key`, break. */
export function brokenTogether(values: ReadonlyMap<string, unknown>): Broken[] {
  const isSet = (key: string): boolean => values.get(key) !== undefined;
  const broken: Broken[] = [];
  const pair = (first: string, second: string): void => {
    if (isSet(first) && !isSet(second)) {
      broken.push({ key: first, expected: `set together with \`${second}\``, got: "the one without the other" });
    }
  };
  pair("aether.nats_mtls_client_cert_path", "aether.nats_mtls_client_key_path");
  pair("aether.nats_mtls_client_key_path", "aether.nats_mtls_client_cert_path");
  pair("aether.nats_password", "aether.nats_user");
  const [first, second] = IDENTITIES.filter(isSet);
  if (first !== undefined && second !== undefined) {
    broken.push({ key: second, expected: "left out where another identity is set", got: `\`${first}\` as well` });
  }
  const [base, most] = [values.get("service.retry_base_delay_ms"), values.get("service.retry_max_delay_ms")];
  if (typeof base === "number" && typeof most === "number" && base > most) {
    broken.push({
      key: "service.retry_base_delay_ms",
      expected: "no more than `service.retry_max_delay_ms`",
      got: `${base} over ${most}`,
    });
  }
  return broken;
}
