/**
 * An AsyncAPI 3 document as a plain JSON value. Where the specification allows a reference in place of an object, the
 * type does, too: documents of others use them everywhere, ours only where it is said.
 */
export interface AsyncApiDocument extends Extensions {
  /** Version of the specification: ours are `"3.1.0"` or `"3.0.0"`. */
  readonly asyncapi: string;
  /** A URI that names the application. */
  readonly id?: string;
  readonly info: AsyncApiInfo;
  readonly defaultContentType?: string;
  readonly servers?: Named<AsyncApiServer>;
  readonly channels?: Named<AsyncApiChannel>;
  readonly operations?: Named<AsyncApiOperation>;
  readonly components?: AsyncApiComponents;
}

/** Versions of the specification that can be generated. */
export type AsyncApiVersion = "3.0.0" | "3.1.0";

/** Keys that begin with `x-` are free in most objects. */
export interface Extensions {
  readonly [extension: `x-${string}`]: unknown;
}

/** `$ref` is a URI reference; in ours always `#` and a JSON pointer, percent-encoded. */
export interface AsyncApiReference {
  readonly $ref: string;
}

/** Objects by name, inline or by reference. */
export type Named<T> = Readonly<Record<string, T | AsyncApiReference>>;

/** A JSON Schema: draft-07 in our documents. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

/** A schema in a language of its own. Nothing checks what is in it. */
export interface MultiFormatSchema {
  readonly schemaFormat: string;
  readonly schema: unknown;
}

export type AsyncApiSchema = JsonSchema | MultiFormatSchema | AsyncApiReference;

export interface AsyncApiInfo extends Extensions {
  readonly title: string;
  readonly version: string;
  readonly description?: string;
  readonly termsOfService?: string;
  readonly contact?: AsyncApiContact;
  readonly license?: AsyncApiLicense;
  readonly tags?: readonly (AsyncApiTag | AsyncApiReference)[];
  readonly externalDocs?: AsyncApiExternalDocs | AsyncApiReference;
}

export interface AsyncApiContact extends Extensions {
  readonly name?: string;
  readonly url?: string;
  readonly email?: string;
}

export interface AsyncApiLicense extends Extensions {
  readonly name: string;
  readonly url?: string;
}

export interface AsyncApiTag extends Extensions {
  readonly name: string;
  readonly description?: string;
  readonly externalDocs?: AsyncApiExternalDocs | AsyncApiReference;
}

export interface AsyncApiExternalDocs extends Extensions {
  readonly url: string;
  readonly description?: string;
}

/** What all objects have that a reader looks at. */
export interface AsyncApiDescribed extends Extensions {
  readonly title?: string;
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly (AsyncApiTag | AsyncApiReference)[];
  readonly externalDocs?: AsyncApiExternalDocs | AsyncApiReference;
}

/** By protocol (`amqp`, `kafka`, …); keys of ours begin with `x-`. */
export type AsyncApiBindings = Readonly<Record<string, unknown>>;

export interface AsyncApiServer extends AsyncApiDescribed {
  readonly host: string;
  readonly protocol: string;
  readonly protocolVersion?: string;
  readonly pathname?: string;
  readonly variables?: Named<AsyncApiServerVariable>;
  readonly security?: readonly (AsyncApiSecurityScheme | AsyncApiReference)[];
  readonly bindings?: AsyncApiBindings | AsyncApiReference;
}

export interface AsyncApiServerVariable extends Extensions {
  readonly enum?: readonly string[];
  readonly default?: string;
  readonly description?: string;
  readonly examples?: readonly string[];
}

export interface AsyncApiSecurityScheme extends Extensions {
  /** `userPassword`, `apiKey`, `X509`, `http`, `oauth2`, `openIdConnect`, `plain`, `scramSha256`, … */
  readonly type: string;
  readonly description?: string;
  readonly [field: string]: unknown;
}

export interface AsyncApiChannel extends AsyncApiDescribed {
  /** `null`: known only at run time, as reply channels are. Absent: unknown. */
  readonly address?: string | null;
  readonly messages?: Named<AsyncApiMessage>;
  readonly servers?: readonly AsyncApiReference[];
  readonly parameters?: Named<AsyncApiParameter>;
  readonly bindings?: AsyncApiBindings | AsyncApiReference;
}

export interface AsyncApiParameter extends Extensions {
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly default?: string;
  readonly examples?: readonly string[];
  readonly location?: string;
}

export interface AsyncApiOperation extends AsyncApiDescribed {
  /** From the view of the application: `receive` = it has an actor for the messages, `send` = it sends them. */
  readonly action: "send" | "receive";
  /** Always `#/channels/<key>`. */
  readonly channel: AsyncApiReference;
  /** Always `#/channels/<key>/messages/<key>`; absent: all messages of the channel. */
  readonly messages?: readonly AsyncApiReference[];
  readonly reply?: AsyncApiReply | AsyncApiReference;
  readonly security?: readonly (AsyncApiSecurityScheme | AsyncApiReference)[];
  readonly bindings?: AsyncApiBindings | AsyncApiReference;
  readonly traits?: readonly (AsyncApiOperationTrait | AsyncApiReference)[];
}

/** What several operations share. Their own values win over it. */
export interface AsyncApiOperationTrait extends AsyncApiDescribed {
  readonly security?: readonly (AsyncApiSecurityScheme | AsyncApiReference)[];
  readonly bindings?: AsyncApiBindings | AsyncApiReference;
}

export interface AsyncApiReply extends Extensions {
  readonly address?: AsyncApiReplyAddress | AsyncApiReference;
  readonly channel?: AsyncApiReference;
  readonly messages?: readonly AsyncApiReference[];
}

/** A runtime expression such as `$message.header#/reply-to`. */
export interface AsyncApiReplyAddress extends Extensions {
  readonly location: string;
  readonly description?: string;
}

export interface AsyncApiMessage extends AsyncApiMessageTrait {
  readonly payload?: AsyncApiSchema;
  readonly traits?: readonly (AsyncApiMessageTrait | AsyncApiReference)[];
}

/** What several messages share: all but the payload. Their own values win over it. */
export interface AsyncApiMessageTrait extends AsyncApiDescribed {
  readonly name?: string;
  readonly headers?: AsyncApiSchema;
  readonly contentType?: string;
  readonly correlationId?: AsyncApiCorrelationId | AsyncApiReference;
  readonly deprecated?: boolean;
  readonly examples?: readonly AsyncApiExample[];
  readonly bindings?: AsyncApiBindings | AsyncApiReference;
}

export interface AsyncApiCorrelationId extends Extensions {
  readonly location: string;
  readonly description?: string;
}

export interface AsyncApiExample extends Extensions {
  readonly name?: string;
  readonly summary?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly payload?: unknown;
}

export interface AsyncApiComponents extends Extensions {
  readonly schemas?: Readonly<Record<string, AsyncApiSchema>>;
  readonly servers?: Named<AsyncApiServer>;
  readonly channels?: Named<AsyncApiChannel>;
  readonly operations?: Named<AsyncApiOperation>;
  readonly messages?: Named<AsyncApiMessage>;
  readonly securitySchemes?: Named<AsyncApiSecurityScheme>;
  readonly serverVariables?: Named<AsyncApiServerVariable>;
  readonly parameters?: Named<AsyncApiParameter>;
  readonly correlationIds?: Named<AsyncApiCorrelationId>;
  readonly replies?: Named<AsyncApiReply>;
  readonly replyAddresses?: Named<AsyncApiReplyAddress>;
  readonly externalDocs?: Named<AsyncApiExternalDocs>;
  readonly tags?: Named<AsyncApiTag>;
  readonly operationTraits?: Named<AsyncApiOperationTrait>;
  readonly messageTraits?: Named<AsyncApiMessageTrait>;
  readonly serverBindings?: Named<AsyncApiBindings>;
  readonly channelBindings?: Named<AsyncApiBindings>;
  readonly operationBindings?: Named<AsyncApiBindings>;
  readonly messageBindings?: Named<AsyncApiBindings>;
}
