import { codeBlock } from "./code-block.ts";
import type { PageContext } from "./context.ts";
import { type Html, html, nothing } from "./html.ts";
import { markdown } from "./markdown.ts";
import { listOf, mapOf, type ReadSchema, readSchema, type SchemaObject } from "./schema.ts";
import { schemaFacts } from "./schema-facts.ts";
import { schemaType } from "./schema-type.ts";

/** Where a part of a schema stands: its anchor, how deep, and which referenced schemas are around it. */
interface Place {
  readonly id: string;
  readonly depth: number;
  readonly around: readonly string[];
  /** Parts shown so far in this tree; shared, so that schemas that use each other many times do not explode. */
  readonly count: { parts: number };
}

/** From here on, referenced schemas are linked and not shown in place. */
const maxParts = 400;
const maxDepth = 12;
/** Deeper parts are closed until a click opens them. */
const openDepth = 3;

/** A schema as a list of its properties with types, constraints and descriptions, nested ones in place. */
export function schemaView(context: PageContext, value: unknown, id: string): Html {
  const read = readSchema(context, value);
  if (read.format !== undefined) return codeBlock(read.schema["schema"], read.format);
  const inside: Place = { id, depth: 0, around: read.key === undefined ? [] : [read.key], count: { parts: 0 } };
  const { title } = read.schema;
  const name =
    typeof title === "string" && title !== read.name ? html`<span class="schema-title">${title}</span> ` : nothing;
  return html`<div class="schema"><p class="schema-head">${name}<span class="type">${schemaType(context, value)}</span></p>
${remarks(read.schema)}${children(context, read, inside)}</div>`;
}

function remarks(schema: SchemaObject): Html {
  const facts = schemaFacts(schema);
  const list =
    facts.length === 0 ? nothing : html`<ul class="facts">${facts.map((fact) => html`<li>${fact}</li>`)}</ul>`;
  return html`${markdown(schema["description"])}${list}`;
}

function isShownInPlace(read: ReadSchema, place: Place): boolean {
  if (place.depth >= maxDepth) return false;
  return read.key === undefined || (!place.around.includes(read.key) && place.count.parts < maxParts);
}

/** One property, alternative or element. */
function part(context: PageContext, label: Html, value: unknown, flags: Html, place: Place): Html {
  const read = readSchema(context, value);
  place.count.parts += 1;
  const shown = isShownInPlace(read, place);
  const inside: Place = {
    ...place,
    depth: place.depth + 1,
    around: read.key === undefined ? place.around : [...place.around, read.key],
  };
  const again = read.key !== undefined && place.around.includes(read.key);
  const nested = shown
    ? children(context, read, inside)
    : again
      ? html`<p class="again">recursive, see above</p>`
      : nothing;
  const body =
    nested === nothing || nested.text === ""
      ? nothing
      : again
        ? nested
        : html`<details class="nested"${place.depth < openDepth ? html` open` : nothing}><summary>${summaryOf(read.schema)}</summary>${nested}</details>`;
  const { deprecated, title } = read.schema;
  return html`<li class="field" id="${place.id}"><div class="field-line"><a class="field-name" href="#${place.id}">${label}</a> <span class="type">${schemaType(context, value)}</span>${flags}${deprecated === true && html` <span class="flag flag-deprecated">deprecated</span>`}${typeof title === "string" && title !== read.name && html` <span class="field-title">${title}</span>`}</div>
${remarks(read.schema)}${body}</li>`;
}

function summaryOf(schema: SchemaObject): string {
  const count = mapOf(schema, "properties").length;
  if (count > 0) return count === 1 ? "1 property" : `${count} properties`;
  if ("items" in schema || "prefixItems" in schema) return "Elements";
  return "Details";
}

function children(context: PageContext, read: ReadSchema, place: Place): Html {
  const { schema } = read;
  const required = new Set(listOf(schema, "required"));
  const child = (name: string): Place => ({ ...place, id: context.anchors.within(place.id, name) });
  const one = (label: string, value: unknown, name: string): Html =>
    part(context, html`<span class="role">${label}</span>`, value, nothing, child(name));
  const fields = mapOf(schema, "properties").map(([name, value]) => {
    const flag = required.has(name) ? html` <span class="flag flag-required">required</span>` : nothing;
    return part(context, html`<code>${name}</code>`, value, flag, child(name));
  });
  const patterns = mapOf(schema, "patternProperties").map(([name, value]) =>
    part(context, html`<span class="role">names like</span> <code>${name}</code>`, value, nothing, child(name)),
  );
  const others = isSchemaWithContent(context, schema["additionalProperties"])
    ? [one("other properties", schema["additionalProperties"], "*")]
    : [];
  const rules = [
    ...["not", "if", "then", "else", "contains", "propertyNames"].map((keyword) => [keyword, schema[keyword]] as const),
    ...mapOf(schema, "dependentSchemas").map(([name, value]) => [`with ${name}`, value] as const),
  ].flatMap(([keyword, value]) => (value === undefined ? [] : [one(keyword, value, keyword)]));
  const all = [...fields, ...patterns, ...others, ...elements(context, schema, place), ...rules];
  return html`${all.length > 0 && html`<ul class="fields">${all}</ul>`}${alternatives(context, schema, place)}`;
}

/** Whether there is more to show of it than its type. */
function isSchemaWithContent(context: PageContext, value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { schema } = readSchema(context, value);
  const structure = ["properties", "items", "prefixItems", "oneOf", "anyOf", "allOf", "patternProperties", "not", "if"];
  const isMap = typeof schema["additionalProperties"] === "object";
  return isMap || structure.some((keyword) => keyword in schema) || remarks(schema).text !== "";
}

function elements(context: PageContext, schema: SchemaObject, place: Place): readonly Html[] {
  const label = (text: string): Html => html`<span class="role">${text}</span>`;
  const { items } = schema;
  const tuple =
    listOf(schema, "prefixItems").length > 0 ? listOf(schema, "prefixItems") : Array.isArray(items) ? items : [];
  const numbered = tuple.map((value, index) =>
    part(context, label(`element ${index + 1}`), value, nothing, {
      ...place,
      id: context.anchors.within(place.id, `[${index}]`),
    }),
  );
  if (Array.isArray(items) || !isSchemaWithContent(context, items)) return numbered;
  const id = context.anchors.within(place.id, "[]");
  return [
    ...numbered,
    part(context, label(tuple.length > 0 ? "further elements" : "each element"), items, nothing, { ...place, id }),
  ];
}

const combinations: readonly (readonly [string, string])[] = [
  ["oneOf", "exactly one of"],
  ["anyOf", "at least one of"],
  ["allOf", "all of"],
];

function alternatives(context: PageContext, schema: SchemaObject, place: Place): readonly Html[] {
  return combinations.flatMap(([keyword, words]) => {
    const parts = listOf(schema, keyword);
    // Plain types are all in the type's name: string | number.
    if (parts.length === 0 || (keyword !== "allOf" && !parts.some((one) => isSchemaWithContent(context, one))))
      return [];
    const shown = parts.map((value, index) => {
      const id = context.anchors.within(place.id, `${keyword}[${index}]`);
      return part(context, html`<span class="role">${index + 1}</span>`, value, nothing, { ...place, id });
    });
    return [html`<div class="choice"><p class="choice-label">${words}</p><ul class="fields">${shown}</ul></div>`];
  });
}
