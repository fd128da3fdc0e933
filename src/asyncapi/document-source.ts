import type { ActorPlan } from "../contract/actor-plan.ts";
import type { AppInfo } from "../contract/app-info.ts";
import type { Codec } from "../contract/codec.ts";
import type { Operation } from "../contract/operation.ts";
import type { BrokerServer } from "../server/server.ts";
import type { AsyncApiVersion } from "./document.ts";
import type { ToJsonSchema } from "./schemas/read-schema.ts";

export interface AsyncApiOptions {
  /** Version of the specification. Default `"3.1.0"`; `"3.0.0"` for tools that know no later one: nothing else differs. */
  readonly version?: AsyncApiVersion;
  /** Refuses a schema that JSON Schema cannot say completely, with `OptionError`. Default `false`: it is marked. */
  readonly strict?: boolean;
}

/** What a document is made of: the very objects that a worker runs. */
export interface DocumentSource {
  readonly info: AppInfo;
  /** By name, in the order of registration. */
  readonly servers: ReadonlyMap<string, BrokerServer>;
  readonly plans: readonly ActorPlan[];
  /** In an order that does not depend on what was sent when. */
  readonly operations: readonly Operation[];
  /** The app's; servers, operations and actors may have another. */
  readonly topicHeader: string | false;
  readonly codec: Codec | undefined;
  readonly toJsonSchema: ToJsonSchema | undefined;
}
