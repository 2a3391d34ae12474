/** Everything that `@aether/core` gives out, grouped by room. */

// The aether
export { Aether, type ObserveOptions, type OwnResonance, type WhenHeardOptions } from "./aether/aether.ts";
export type { AetherOptions } from "./aether/connect.ts";
export type { RepeatOptions, RepeatReceipt } from "./aether/emitting/repeats.ts";
export {
  REPLAY_HEADER,
  REPLAY_POSITION_HEADER,
  type ReplayOptions,
  type ReplayProgress,
  type ReplaySource,
} from "./aether/emitting/replay.ts";
export type { DeadLetterOptions } from "./aether/failures/dead-letter-box.ts";
export type { DeadLetters, PurgeOptions, ReemitOptions } from "./aether/failures/dead-letters.ts";
export { DEAD_HEADERS } from "./aether/failures/dead-notices.ts";
export type { ReturnsStats } from "./aether/failures/returns.ts";
export type { Graph, GraphEdge, GraphNode } from "./aether/graph.ts";
export type { Draft, Handle, Interceptor } from "./aether/interceptors.ts";
export type { AetherEvents, EventName, ReceiverEvent, WaveEvent } from "./aether/observers.ts";
export type { EmitOptions, GatherOptions, HedgeOptions, QueryOptions, ResendOptions } from "./aether/options.ts";
export type { Receipt } from "./aether/receipt.ts";
export type { Handler } from "./aether/receiving/handlers.ts";
export type { HandlerContext, RetryLaterOptions } from "./aether/receiving/handling.ts";
export type { ReceiveOptions } from "./aether/receiving/listening.ts";
export type { AdaptiveFloorOptions, NoiseFloorOption } from "./aether/receiving/noise-floor.ts";
export type { CloseOptions, Resonance } from "./aether/receiving/resonance.ts";
export type { ResonanceOptions, VibratorOptions } from "./aether/receiving/resonance-options.ts";
export {
  ABSORB_REASONS,
  type AbsorbReason,
  type AetherStats,
  type Load,
  type ResonanceStats,
  type Stats,
} from "./aether/stats.ts";
export type { Vibrator } from "./aether/vibrator.ts";
export type { View, ViewEvents, ViewFallback } from "./aether/views/view.ts";
export type { DeepReadonly, Folded, FoldedWave, ReachOptions, ViewOptions } from "./aether/views/view-options.ts";
// Errors and time
export { type Alarm, type Clock, systemClock } from "./clock.ts";
export { AetherError, ERRORS, type ErrorCode, type ErrorDetails, messageOf, UnrecoverableError } from "./errors.ts";
// Physics
export { AmplitudeQueue } from "./inbox/amplitude-queue.ts";
export type { AmplitudeQueueOptions } from "./inbox/queue-bounds.ts";
export type { Fading } from "./inbox/strongest-queue.ts";
export { Turns } from "./inbox/turns.ts";
// Media
export {
  type CopyProgress,
  type CopyRecordOptions,
  copyRecord,
  type OpenRecorder,
  openRecorder,
} from "./medium/copy-record.ts";
export type {
  DeadLetter,
  DeadLetterError,
  DeadLetterPurge,
  DeadLetterQuery,
  DeadLetterStats,
  DeadLetterStore,
  NewDeadLetter,
} from "./medium/dead-letter-store.ts";
export { carryAround } from "./medium/detour.ts";
export { inProcess } from "./medium/in-process.ts";
export type {
  Link,
  Listener,
  Medium,
  MediumEvents,
  Outlet,
  Presence,
  Run,
  Traits,
  Tuning,
  Uptake,
} from "./medium/medium.ts";
export type {
  Custody,
  Follower,
  Following,
  From,
  Recorded,
  RecordedGroup,
  Recorder,
  RecordQuery,
  TailQuery,
  TailStep,
} from "./medium/recorder.ts";
export type { Recording } from "./medium/recording.ts";
export type { Snapshot, SnapshotName, SnapshotStore, UnreadableSnapshot } from "./medium/snapshot-store.ts";
export { isMeantFor } from "./medium/target.ts";
export { AdaptiveFloor } from "./physics/adaptive-floor.ts";
export {
  type Amplifiable,
  type AmplifyRefusal,
  amplified,
  MOST_GAIN,
  mostFactor,
  type Repeating,
} from "./physics/amplification.ts";
export { AMPLITUDES, type Amplitude, BANDS, band } from "./physics/amplitude.ts";
export { type Attenuation, amplitudeAt, attenuate, type Emission, lifetimeMs, maxHops } from "./physics/attenuation.ts";
export { BEND, bent, triesOf } from "./physics/bend.ts";
export { type Candidate, Circuit } from "./physics/circuit.ts";
export type { FloorOptions } from "./physics/floor-options.ts";
export { hash01 } from "./physics/hash.ts";
export { HEDGE_BUDGET, HedgeBudget, Latencies } from "./physics/hedge.ts";
export { type Obstacle, opacityOf, tunnelling } from "./physics/obstacle.ts";
export { DEFAULT_PHYSICS, type Physics, type PhysicsOptions } from "./physics/physics.ts";
export {
  backpressure,
  impedanceOf,
  invertedPhase,
  MEDIUM_IMPEDANCE,
  reflectance,
  reflectionCoefficient,
  transmittance,
} from "./physics/reflection.ts";
export { rendezvous } from "./physics/rendezvous.ts";
export { DEFAULT_RESEND, ResendBudget, type ResendLaw, resendDelayMs } from "./physics/resend.ts";
export { amqpExpiration, mqttExpirySeconds } from "./physics/ttl.ts";
// Waves and channels
export { Channel, type ChannelOptions, channel, type Schema, type Upgrade } from "./wave/channel.ts";
export { assertTravels, type Codec, type Encoded, jsonCodec } from "./wave/codec.ts";
export { contains, coverOf, overlaps } from "./wave/cover.ts";
export { EncodedPayload } from "./wave/encoded-payload.ts";
export {
  type Answer,
  causeOfRefusal,
  type Exchange,
  type ReflectCause,
  type ReflectCode,
  type Refusal,
  type Teller,
} from "./wave/exchange.ts";
export {
  type Arrival,
  checkHeader,
  headerOf,
  type Malformed,
  type NotAmplified,
  reamplify,
  rebase,
  type Standing,
  type WaveHeader,
  waveOf,
} from "./wave/header.ts";
export { Ids, type Random, randomToken, systemRandom } from "./wave/ids.ts";
export { matches } from "./wave/pattern.ts";
export { Reflection, type ReflectionPayload, reflect } from "./wave/reflection.ts";
export { seededRandom } from "./wave/seeded-random.ts";
export {
  type Headers,
  type Lineage,
  type Moment,
  type Origin,
  type Surroundings,
  type Target,
  Wave,
  type WaveExtras,
  type WaveHead,
  type WaveInit,
  type WaveKind,
  type WaveParts,
} from "./wave/wave.ts";
