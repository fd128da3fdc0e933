import { mapSubschemas, type SchemaObject } from "../../json-schema/subschemas.ts";
import { canonical } from "../canonical.ts";
import type { AsyncApiSchema, JsonSchema } from "../document.ts";
import { Names, toKey } from "../names.ts";
import { isReference, pathOfReference, referTo } from "../reference.ts";
import { type Definition, rewriteReferences, SchemaBatch } from "./schema-batch.ts";

const dialects: readonly (readonly [pattern: RegExp, mediaType: string])[] = [
  [/2020-12/, "application/schema+json;version=draft-2020-12"],
  [/2019-09/, "application/schema+json;version=draft-2019-09"],
];

const scalars = new Set(["boolean", "integer", "null", "number", "string"]);

/** Whether a schema is worth a name of its own: a text or a number is shown where it stands. */
function isScalar({ type, ...rest }: SchemaObject): boolean {
  if (rest["enum"] !== undefined && typeof rest["title"] === "string") return false;
  if (typeof type === "string") return scalars.has(type);
  return type === undefined && !["$ref", "allOf", "anyOf", "oneOf", "properties", "items"].some((key) => key in rest);
}

/** The schemas of a document, one name for each, and equal ones only once. */
export class SchemaStore {
  readonly components: Record<string, AsyncApiSchema> = {};
  readonly #names = new Names();

  /** Puts a schema and its definitions under `components.schemas`; gives what stands in its place. */
  add(schema: SchemaObject, name: string): JsonSchema {
    const newer = dialects.find(([pattern]) => pattern.test(String(schema["$schema"] ?? "")));
    if (newer !== undefined) return this.#addNewer(schema, name, newer[1]);
    const batch = new SchemaBatch(schema, name);
    const { root } = batch;
    if (isReference(root.body) && Object.keys(root.body).length === 1) {
      const found = batch.resolve(root.body.$ref, root);
      if (found !== undefined && found.target !== root) {
        const { $ref } = referTo("components", "schemas", this.#store(batch, found.target), ...found.rest);
        return { $ref };
      }
    }
    const refersToItself = batch.identity(root).includes('"$ref":"#');
    if (isScalar(root.body) && !refersToItself) return this.#rewritten(batch, root);
    return { ...referTo("components", "schemas", this.#store(batch, root)) };
  }

  /** As `add`, but the schema itself stays in its place unless it refers to itself; only its definitions get names. */
  addInline(schema: SchemaObject, name: string): JsonSchema {
    const batch = new SchemaBatch(schema, name);
    const { root } = batch;
    const newer =
      typeof schema["$schema"] === "string" && dialects.some(([pattern]) => pattern.test(`${schema["$schema"]}`));
    if (newer || batch.identity(root).includes('"$ref":"#') || isReference(root.body)) return this.add(schema, name);
    return this.#rewritten(batch, root);
  }

  /** What a reference of ours leads to, or the schema itself. */
  resolve(schema: JsonSchema): JsonSchema {
    if (!isReference(schema)) return schema;
    const [, , name] = pathOfReference(schema.$ref) ?? [];
    return (name === undefined ? undefined : (this.components[name] as JsonSchema | undefined)) ?? {};
  }

  #rewritten(batch: SchemaBatch, definition: Definition): JsonSchema {
    return rewriteReferences(definition.body, (reference) => {
      const found = batch.resolve(reference, definition);
      if (found === undefined) return reference;
      return referTo("components", "schemas", this.#store(batch, found.target), ...found.rest).$ref;
    });
  }

  /** Gives a definition its name, and its body once. */
  #store(batch: SchemaBatch, definition: Definition): string {
    const { name, isNew } = this.#names.claim(toKey(definition.name, "Schema"), batch.identity(definition));
    if (isNew) {
      // The place first: what refers back to it finds it taken, and the order is that of the references.
      this.components[name] = {};
      this.components[name] = this.#rewritten(batch, definition);
    }
    return name;
  }

  /** A schema of a newer dialect stays whole, in an envelope that names it; its references lead into the envelope. */
  #addNewer(schema: SchemaObject, wanted: string, schemaFormat: string): JsonSchema {
    const title = schema["title"];
    const { name, isNew } = this.#names.claim(
      toKey(typeof title === "string" ? title : wanted, "Schema"),
      canonical(schema),
    );
    if (isNew) {
      const moved = moveReferences(schema, `${referTo("components", "schemas", name).$ref}/schema`);
      this.components[name] = { schemaFormat, schema: moved };
    }
    return { ...referTo("components", "schemas", name) };
  }
}

function moveReferences(schema: SchemaObject, to: string): SchemaObject {
  const changed = mapSubschemas(schema, (subschema) => moveReferences(subschema, to));
  const { $ref } = changed;
  return typeof $ref === "string" && /^#(?:\/|$)/.test($ref) ? { ...changed, $ref: to + $ref.slice(1) } : changed;
}
