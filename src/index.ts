export { type App, type Connection, createApp } from "./app/app.ts";
export type { AppOptions } from "./app/app-options.ts";
export type { OperationRegistry } from "./app/operation-registry.ts";
export type { ServerRegistry } from "./app/server-registry.ts";
export type { AsyncApiDocument, AsyncApiVersion } from "./asyncapi/document.ts";
export type { AsyncApiOptions } from "./asyncapi/document-source.ts";
export type { PageOptions } from "./asyncapi/page/page-options.ts";
export type { ToJsonSchema } from "./asyncapi/schemas/read-schema.ts";
export type { Actor, ActorDefaults, Confirmation, Context, ErrorOutcome } from "./contract/actor.ts";
export type { AppInfo } from "./contract/app-info.ts";
export { type Channel, type ChannelConfig, type ChannelParameter, defineChannel } from "./contract/channel.ts";
export type { Codec } from "./contract/codec.ts";
export { type Dependency, type DependencyContext, defineDependency } from "./contract/dependency.ts";
export { jsonCodec } from "./contract/json-codec.ts";
export type { Message, ReplyOptions, SettledOutcome } from "./contract/message.ts";
export type {
  ActorCall,
  ActorInfo,
  ActorMiddleware,
  MessagePatch,
  ProducerCall,
  ProducerMiddleware,
  ProducerPatch,
} from "./contract/middleware.ts";
export {
  type CorrelationId,
  defineOperation,
  type MessageDocs,
  type MessageExample,
  type Operation,
  type OperationDocs,
  type Sendable,
} from "./contract/operation.ts";
export { type Backoff, exponential, fixed, type RetryOption, type RetryPolicy } from "./contract/retry.ts";
export { createRouter, type Router, type RouterOptions } from "./contract/router.ts";
export { byTopic, catchAll, type RoutableMessage, type Routing } from "./contract/routing.ts";
export type {
  DedupeOption,
  HeadersOf,
  PayloadOf,
  PublishBytesOptions,
  PublishJsonOptions,
  ReplyOf,
  RequestArguments,
  RequestOptions,
  Send,
  SendArguments,
  SendOptions,
  SendResult,
  ServerMap,
} from "./contract/send.ts";
export type { MessageTrait, OperationTrait } from "./contract/trait.ts";
export type { DocsHandler } from "./http/docs-handler.ts";
export type { DocsHandlerOptions, DocsOptions } from "./http/docs-options.ts";
export type { Clock, TimerHandle } from "./internal/clock.ts";
export type { Duration } from "./internal/duration.ts";
export type { HealthReport } from "./runtime/health-report.ts";
export type { Worker, WorkerResult } from "./runtime/worker.ts";
export type { HealthOptions, WorkerOptions } from "./runtime/worker-options.ts";
export type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetterList,
  DeadLetterStore,
  ListOptions,
  ReplayOptions,
} from "./server/dead-letter-store.ts";
export type {
  Delivery,
  Lease,
  MessageHeaders,
  Outcome,
  OutgoingMessage,
  RetryAfter,
  SettleNote,
} from "./server/delivery.ts";
export {
  ActorTimeoutError,
  CapabilityError,
  ConnectionError,
  ContractError,
  DeadLetterMissingError,
  DecodeError,
  DuplicateMessageError,
  DuplicateNameError,
  EncodeError,
  type ErrorCode,
  InvalidHeaderError,
  InvalidOutcomeError,
  LeaseLostError,
  MillraceError,
  MissingPeerError,
  NextCalledTwiceError,
  NonRetryableError,
  NotConnectedError,
  NotFoundError,
  OptionError,
  PublishError,
  PublishManyError,
  ReplyAddressError,
  RequestTimeoutError,
  RouterCycleError,
  ServerBusyError,
  ServerCorruptError,
  ServerFullError,
  TaskTerminatedError,
  ValidationError,
  type ValidationIssue,
  WorkerFatalError,
  WorkerStoppingError,
} from "./server/errors.ts";
export type { Feature, FeatureLevel, FeatureName, Features } from "./server/features.ts";
export type { LogFields, Logger } from "./server/logger.ts";
export { priority } from "./server/priority.ts";
export { RetryAfterError } from "./server/retry-after.ts";
export type {
  BrokerServer,
  ChannelStats,
  ConnectionState,
  DerivedBindings,
  PublishOptions,
  Receipt,
  SubscribeOptions,
  Subscription,
} from "./server/server.ts";
export type { ServerCommonOptions, ServerInfo, ServerMetadata, Tag } from "./server/server-info.ts";
export type { ErrorRecord, SettleCode, SettleReason } from "./server/settle-reason.ts";
