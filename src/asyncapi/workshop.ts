import type { ExternalDocs, Tag } from "../server/server-info.ts";
import { canonical } from "./canonical.ts";
import type {
  AsyncApiComponents,
  AsyncApiDescribed,
  AsyncApiMessage,
  AsyncApiReference,
  AsyncApiSecurityScheme,
  AsyncApiTag,
} from "./document.ts";
import type { AsyncApiOptions, DocumentSource } from "./document-source.ts";
import { Names, toKey } from "./names.ts";
import { isReference, referTo } from "./reference.ts";
import { SchemaStore } from "./schemas/schema-store.ts";

type Kind = "messages" | "messageTraits" | "operationTraits" | "securitySchemes";

/** An object without the properties that are `undefined`: a document is JSON. */
export function defined<T extends object>(value: { readonly [K in keyof T]?: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as T;
}

interface Described {
  readonly title?: string | undefined;
  readonly summary?: string | undefined;
  readonly description?: string | undefined;
  readonly tags?: readonly (string | Tag)[] | undefined;
  readonly externalDocs?: ExternalDocs | undefined;
}

/** Where one document is put together: what several parts share, and who has which name. */
export class Workshop {
  readonly schemas: SchemaStore = new SchemaStore();
  readonly source: DocumentSource;
  readonly strict: boolean;
  readonly #tags: ReadonlyMap<string, Tag>;
  readonly #names: Readonly<Record<Kind, Names>> = {
    messages: new Names(),
    messageTraits: new Names(),
    operationTraits: new Names(),
    securitySchemes: new Names(),
  };
  readonly #components: Record<Kind, Record<string, never>> = {
    messages: {},
    messageTraits: {},
    operationTraits: {},
    securitySchemes: {},
  };

  constructor(source: DocumentSource, options: AsyncApiOptions) {
    this.source = source;
    this.strict = options.strict === true;
    const tags = (source.info.tags ?? []).filter((tag): tag is Tag => typeof tag === "object");
    this.#tags = new Map(tags.map((tag) => [tag.name, tag]));
  }

  /** Keeps an object under `components` and gives its key: equal ones share it, different ones of one name get another. */
  keep(kind: Kind, wanted: string, value: AsyncApiMessage | AsyncApiSecurityScheme): string {
    const { name, isNew } = this.#names[kind].claim(toKey(wanted, kind), canonical(value));
    if (isNew) this.#components[kind][name] = value as never;
    return name;
  }

  /** Tags of one list, each name once; a mere name means the tag of the app. */
  tags(given: readonly (string | Tag)[] | undefined): readonly AsyncApiTag[] | undefined {
    const found = new Map<string, AsyncApiTag>();
    for (const tag of given ?? []) {
      const full = typeof tag === "string" ? (this.#tags.get(tag) ?? { name: tag }) : tag;
      if (full.name !== "" && !found.has(full.name)) found.set(full.name, full as AsyncApiTag);
    }
    return found.size === 0 ? undefined : [...found.values()];
  }

  described({ title, summary, description, tags, externalDocs }: Described): AsyncApiDescribed {
    const docs = externalDocs === undefined ? undefined : { ...externalDocs };
    return defined<AsyncApiDescribed>({ title, summary, description, tags: this.tags(tags), externalDocs: docs });
  }

  security(given: readonly Readonly<Record<string, unknown>>[] | undefined): readonly AsyncApiReference[] | undefined {
    if (given === undefined || given.length === 0) return undefined;
    const references = given.map((scheme) => {
      if (isReference(scheme)) return scheme;
      const { type } = scheme;
      const name = this.keep("securitySchemes", String(type), scheme as unknown as AsyncApiSecurityScheme);
      return referTo("components", "securitySchemes", name);
    });
    return [...new Map(references.map((reference) => [reference.$ref, reference])).values()];
  }

  get components(): AsyncApiComponents {
    const all = { schemas: this.schemas.components, ...this.#components };
    return Object.fromEntries(Object.entries(all).filter(([, group]) => Object.keys(group).length > 0));
  }
}
