/** The configuration as the options that the core takes: of the aether, of vibrators, of commands and queries. */

import type { AetherOptions, PhysicsOptions, QueryOptions, VibratorOptions } from "@aether/core";
import type { Config } from "./config.ts";

/** The switches of laws: those options of physics that may be `false`. */
type Switch = {
  [K in keyof PhysicsOptions]-?: false extends PhysicsOptions[K] ? K : never;
}[keyof PhysicsOptions];

/** Every law off, but for the way back of what failed. The compiler asks for a line when a law is added. */
const LAWS_OFF: { readonly [K in Exclude<Switch, "reflection">]: false } = {
  bands: false,
  attenuation: false,
  floor: false,
  diffraction: false,
};

/** What `Aether.connect` takes, but for the medium, which {@link mediumChoiceOf} chooses, and the journal. */
export function aetherOptionsOf({
  aether,
}: Config): Pick<AetherOptions, "physics" | "limits" | "allowedSources" | "recorded"> {
  // The hop limit is safety and holds with physics off, so `physics: false`, which has its own, will not do.
  const { max_propagation: maxPropagation } = aether;
  return {
    physics: aether.enable_physics
      ? {
          maxPropagation,
          attenuationFactor: aether.attenuation_factor,
          halfLifeMs: aether.half_life_ms,
          minAmplitude: aether.min_amplitude,
        }
      : { maxPropagation, ...LAWS_OFF },
    limits: { maxPayloadBytes: aether.max_payload_bytes, maxChannelLength: aether.max_channel_length },
    allowedSources: aether.allowed_sources,
    recorded: aether.recorded,
  };
}

/** What `aether.vibrator` takes: the defaults of its resonances and views. */
export function vibratorOptionsOf({ aether, service }: Config): VibratorOptions {
  return {
    concurrency: service.max_inflight,
    noiseFloor: service.noise_floor,
    inbox: { capacity: aether.channel_buffer_size },
    snapshotEvery: aether.snapshot_interval,
  };
}

/** How long commands and queries wait that do not say it themselves. */
export function queryOptionsOf({ service }: Config): Pick<QueryOptions, "timeoutMs"> {
  return { timeoutMs: service.timeout_ms };
}
