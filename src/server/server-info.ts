export interface Tag {
  readonly name: string;
  readonly description?: string;
  readonly externalDocs?: ExternalDocs;
}

export interface ExternalDocs {
  readonly url: string;
  readonly description?: string;
}

export interface ServerVariable {
  readonly enum?: readonly string[];
  readonly default?: string;
  readonly description?: string;
  readonly examples?: readonly string[];
}

/** What every server constructor accepts besides its own options. */
export interface ServerCommonOptions extends ServerMetadata {
  /**
   * Header that carries the topic on this server, `false` = none, so that foreign systems can be talked to in their own
   * format. Default: the app's. Actors on a server without one need their own `routing`.
   */
  readonly topicHeader?: string | false;
}

/** Documentation that every server constructor accepts. */
export interface ServerMetadata {
  readonly title?: string;
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly Tag[];
  readonly externalDocs?: ExternalDocs;
  readonly bindings?: Readonly<Record<string, unknown>>;
  readonly security?: readonly Readonly<Record<string, unknown>>[];
  readonly variables?: Readonly<Record<string, ServerVariable>>;
}

/** What is shown of a server: in documents, health details, logs. Never holds credentials. */
export interface ServerInfo extends ServerMetadata {
  readonly protocol: string;
  /** Host and port, or what stands for it, without credentials. */
  readonly host: string;
  readonly pathname?: string;
  readonly protocolVersion?: string;
}
