/** A JSON Schema of a document. */
type JsonSchema = Readonly<Record<string, unknown>>;

/** What is on the wire instead of a payload that the envelope holds inside. */
export interface EnvelopeBody {
  readonly contentType: string;
  /** `data`: the schema of the payload; `isJson`: whether it is JSON on the wire. */
  schema(data: JsonSchema, isJson: boolean, type: string | undefined): JsonSchema;
  /** An example payload as it is on the wire. */
  example(data: unknown, isJson: boolean, type: string | undefined): unknown;
}

/**
 * What a server writes around every message and takes off again, so that systems of another convention understand it. The
 * server does that itself; this tells documents, header schemas and test clients. `Server` = `BrokerServer`.
 */
export interface Envelope<Server = unknown> {
  /** The message trait in documents. */
  readonly trait: {
    readonly name: string;
    readonly title: string;
    readonly summary: string;
    readonly externalDocs: { readonly url: string };
    readonly headers?: JsonSchema;
  };
  /** Absent: the payload is on the wire as it is. */
  readonly body?: EnvelopeBody;
  /** Whether a header that handlers see comes from the envelope: schemas that allow no others are not asked about it. */
  owns(header: string): boolean;
  /** The name on the wire of a header that handlers see; `undefined` where it is no header there. */
  wireName(header: string): string | undefined;
  /** The same envelope around another server, with its source of time, for test clients. */
  wrap(server: Server, clock: { now(): number }): Server;
}
