import type { PageContext } from "./context.ts";
import { type Html, html, joined, plainText } from "./html.ts";
import { listOf, mapOf, type ReadSchema, readSchema } from "./schema.ts";

/** Types in types in types: from here on it is an ellipsis. */
const maxDepth = 5;

/** The type in a word or two: `string <uuid>`, `array of Order`, `A | B`; names link to their schema. */
export function schemaType(context: PageContext, value: unknown, depth = 0): Html {
  const read = readSchema(context, value);
  const word = bare(context, read, depth);
  return read.nullable ? html`${word} <span class="or">or</span> null` : word;
}

function bare(context: PageContext, read: ReadSchema, depth: number): Html {
  const { schema, name } = read;
  if (read.never) return html`never`;
  if (depth > maxDepth) return html`…`;
  if (name !== undefined) {
    if (!context.options.schemas) return html`${name}`;
    return html`<a class="type-name" href="#${context.anchors.of("schema", name)}">${name}</a>`;
  }
  if (read.format !== undefined) return html`${read.format}`;
  if ("const" in schema) return html`constant`;
  for (const keyword of ["oneOf", "anyOf"]) {
    const parts = listOf(schema, keyword);
    if (parts.length === 0) continue;
    if (parts.length > 4) return html`one of ${parts.length}`;
    const words = parts.map((part) => schemaType(context, part, depth + 1));
    const shown = [...new Map(words.map((word) => [word.text, word])).values()];
    return joined(shown, " | ");
  }
  const { type } = schema;
  if (Array.isArray(type)) return html`${type.map(plainText).join(" | ")}${formatOf(schema)}`;
  if (type === "array" || "items" in schema || "prefixItems" in schema) return arrayType(context, schema, depth);
  if (typeof type === "string" && type !== "object") return html`${type}${formatOf(schema)}`;
  const isObject = type === "object" || "properties" in schema;
  const values = schema["additionalProperties"];
  if (isObject && mapOf(schema, "properties").length === 0 && typeof values === "object" && values !== null) {
    return html`map of ${schemaType(context, values, depth + 1)}`;
  }
  if (isObject) return html`object`;
  const parts = listOf(schema, "allOf");
  if (parts.length === 1) return schemaType(context, parts[0], depth + 1);
  if (parts.length > 0) return html`all of ${parts.length}`;
  return "enum" in schema ? html`enum` : html`any`;
}

function formatOf(schema: ReadSchema["schema"]): Html | undefined {
  const { format } = schema;
  return typeof format === "string" ? html` <span class="format">${format}</span>` : undefined;
}

function arrayType(context: PageContext, schema: ReadSchema["schema"], depth: number): Html {
  const { items } = schema;
  const parts = listOf(schema, "prefixItems").length > 0 ? listOf(schema, "prefixItems") : items;
  if (Array.isArray(parts)) {
    return html`tuple of (${joined(
      parts.slice(0, 6).map((part) => schemaType(context, part, depth + 1)),
      ", ",
    )})`;
  }
  return items === undefined ? html`array` : html`array of ${schemaType(context, items, depth + 1)}`;
}
