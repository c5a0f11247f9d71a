export { Actor, type ActorOptions, type ActorRef, actor, type Behaviour, Later, later } from './actors/actor.ts'
export { Mailbox, type MailboxCounts, type Overflow } from './actors/mailbox.ts'
export { type ExposeOptions, expose, type RemoteOptions, remote } from './actors/remote.ts'
export {
  type BackoffPolicy,
  backoffPolicy,
  type Escalation,
  type Owner,
  pauseAfter,
  type RestartPolicy,
  type RestPolicy,
  restartPolicy,
  restPolicy,
  Supervision,
} from './actors/supervision.ts'
export type { Answer } from './answer.ts'
export { base64url, hex, utf8 } from './bytes.ts'
export { Cancellation } from './cancellation.ts'
export type { Capture, FailedCapture, FrameData, LiveSource, PullSource, Source } from './capture.ts'
export { type Clock, sleep, systemClock, type Timer, yieldTo } from './clock.ts'
export { type Compose, composer, pipeline } from './compose.ts'
export { type Route, type StageContext, standaloneContext } from './context.ts'
export { decide } from './decide.ts'
export {
  allOnDevice,
  type Decider,
  type DeciderHalf,
  type DecisionRequest,
  type Explanation,
  type Fixed,
  fixed,
  inCloud,
  type Outcome,
  onDevice,
  type Probe,
  type Weighed,
} from './decider.ts'
export {
  ActorStopped,
  asQuintetError,
  BadConfiguration,
  BadInput,
  BadMessage,
  Cancelled,
  Damaged,
  DeadlineExceeded,
  described,
  type ErrorCode,
  type Evidence,
  ExecutionFailed,
  ExecutorLost,
  FrameChanged,
  MailboxFull,
  ModelLoadFailed,
  NodeLost,
  NoResponders,
  Quarantined,
  QuintetError,
  Refused,
  reasonOf,
  StageFailed,
  TooLarge,
  TransportClosed,
  UnknownModel,
  VersionMismatch,
  WrongShape,
} from './errors.ts'
export { Events, type PipelineEvent } from './events.ts'
export type { HalfOptions, Running, RunningCloud, RunningDevice } from './halves.ts'
export { Health } from './health.ts'
export { type BoundaryOptions, boundaryDefinition, hop, type WireOptions } from './hop.ts'
export { type Counts, Ledger } from './ledger.ts'
export { FittedLine, type FittedLineOptions } from './line.ts'
export {
  type Crossing,
  type Dropped,
  dropped,
  evolve,
  type Failure,
  failure,
  type Item,
  type Message,
  type Side,
  type Step,
  spent,
  type Timings,
  type Tried,
  type Way,
} from './message.ts'
export type { ModelSet } from './models.ts'
export { made, nearest, readOptions } from './options.ts'
export { assertHeaders, assertPattern, assertSubject, matchesPattern } from './patterns.ts'
export {
  type Activation,
  type Box,
  type Captured,
  type Cut,
  type ElementType,
  elementBytes,
  type ImagePayload,
  isBytes,
  type Payload,
  type PixelsPayload,
  type Prepared,
  payloadBytes,
  type Ready,
  type Result,
  type ResultPayload,
  type Tensor,
  type TensorsPayload,
} from './payload.ts'
export type { Pipeline } from './pipeline.ts'
export type { PipelineOptions } from './pipeline-options.ts'
export {
  anyLayer,
  type Backup,
  type Encoding,
  lastAnswer,
  layerOf,
  type Menu,
  type Plan,
  type Restriction,
  rank,
  refined,
  restrict,
  type Target,
} from './plan.ts'
export { hashOfName, type Packer, type Packing, type Platform, webPlatform } from './platform.ts'
export { Quarantine, type Suspect } from './quarantine.ts'
export { guardedFault, Settlement, within } from './settlement.ts'
export {
  amend,
  asStage,
  filter,
  type OpenStage,
  type OpenWork,
  type Stage,
  type StageDefinition,
  stage,
  type Unchanging,
  workStage,
} from './stage.ts'
export { Boundary, nodeSubject } from './subjects.ts'
export type {
  Conversation,
  Delivery,
  Directory,
  Parts,
  RequestOptions,
  ServedRequest,
  ServeOptions,
  ServiceDescription,
  Subscription,
  Transport,
  TransportHeaders,
  Unwritten,
} from './transport.ts'
export { packageVersion } from './version.ts'
export { type Versioned, versioned } from './versioned.ts'
export { Window } from './window.ts'
export { Caller } from './wire/caller.ts'
export {
  type Dialect,
  Dialects,
  dialectsOf,
  inWords,
  noCommonVersion,
  type VersionRange,
  wireDialects,
} from './wire/dialects.ts'
export { join, packFrame, totalBytes, unpackFrame, written } from './wire/frame.ts'
export { listOf } from './wire/list.ts'
export { Peers } from './wire/peers.ts'
export { type Read, readFrame } from './wire/protocol.ts'
export { Responder } from './wire/responder.ts'
export type { Call, StageFunction, StageOptions } from './work.ts'
export { type CloudLoad, type Fact, type Link, World, type WorldFacts } from './world.ts'
