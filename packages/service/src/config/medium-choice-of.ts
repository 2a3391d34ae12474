/** The configuration as the choice of a medium, with the options of the NATS driver. */

import type { NatsOptions } from "@aether/nats";
import type { MediumChoice } from "../medium-of.ts";
import type { Config } from "./config.ts";
import { addressesIn } from "./kinds.ts";
import type { Secret } from "./secret.ts";

/** What {@link mediumOf} takes. Secrets come out of it as functions, so that nothing prints them. */
export function mediumChoiceOf({ aether }: Config): MediumChoice {
  if (!aether.use_nats) {
    return { useNats: false };
  }
  const nats: NatsOptions = {
    servers: addressesIn(aether.nats_url),
    namespace: aether.namespace,
    tls: tlsOf(aether),
    user: aether.nats_user,
    password: asked(aether.nats_password),
    token: asked(aether.nats_token),
    nkeySeed: asked(aether.nats_nkey_seed),
    credentialsFile: aether.nats_credentials_path,
  };
  return { useNats: true, nats };
}

/** TLS where it is required, or where a file of it is named. */
function tlsOf(aether: Config["aether"]): NatsOptions["tls"] {
  const {
    nats_tls_required: isRequired,
    nats_mtls_ca_path: caFile,
    nats_mtls_client_cert_path: certFile,
    nats_mtls_client_key_path: keyFile,
  } = aether;
  const isNamed = [caFile, certFile, keyFile].some((file) => file !== undefined);
  return isRequired || isNamed ? { caFile, certFile, keyFile } : undefined;
}

function asked(secret: Secret | undefined): (() => string) | undefined {
  return secret && (() => secret.reveal());
}
