import type { AnySchema } from "../server/schema.ts";
import type { ExternalDocs, Tag } from "../server/server-info.ts";

interface Trait {
  /** Its name in the document. Two different traits of one name get different ones. */
  readonly name: string;
  readonly title?: string;
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly (string | Tag)[];
  readonly externalDocs?: ExternalDocs;
  readonly bindings?: Readonly<Record<string, unknown>>;
}

/** Documentation that several operations share. */
export interface OperationTrait extends Trait {
  readonly security?: readonly Readonly<Record<string, unknown>>[];
}

/** Documentation that several messages share. Nothing is validated by it. */
export interface MessageTrait extends Trait {
  readonly headers?: AnySchema;
  readonly contentType?: string;
  readonly correlationId?: { readonly location: string; readonly description?: string };
}
