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

/** A schema as a list of its properties with types, constraints and descriptions. `called`: what is above it already. */
export function schemaView(context: PageContext, value: unknown, id: string, called?: string): Html {
  const read = readSchema(context, value);
  if (read.format !== undefined) return codeBlock(read.schema["schema"], read.format);
  const inside: Place = { id, depth: 0, around: read.key === undefined ? [] : [read.key], count: { parts: 0 } };
  const { title } = read.schema;
  const name =
    typeof title === "string" && title !== (read.name ?? called)
      ? html`<span class="schema-title">${title}</span> `
      : nothing;
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

interface Head {
  readonly label: Html;
  readonly flags?: Html;
  /** The label is the title of the schema already. */
  readonly titled?: boolean;
}

/** One property, alternative or element. */
function part(context: PageContext, head: Head, value: unknown, place: Place): Html {
  const read = readSchema(context, value);
  place.count.parts += 1;
  const again = read.key !== undefined && place.around.includes(read.key);
  const around = read.key === undefined ? place.around : [...place.around, read.key];
  const nested = isShownInPlace(read, place)
    ? children(context, read, { ...place, depth: place.depth + 1, around })
    : nothing;
  const open = place.depth < openDepth ? html` open` : nothing;
  const { deprecated, title } = read.schema;
  const showsTitle = typeof title === "string" && title !== read.name && head.titled !== true;
  return html`<li class="field" id="${place.id}"><div class="field-line"><a class="field-name" href="#${place.id}">${head.label}</a> <span class="type">${schemaType(context, value)}</span>${head.flags}${deprecated === true && html` <span class="flag flag-deprecated">deprecated</span>`}${showsTitle && html` <span class="field-title">${title}</span>`}</div>
${remarks(read.schema)}${again && html`<p class="again">recursive, see above</p>`}${nested.text !== "" && html`<details class="nested"${open}><summary>${summaryOf(read.schema)}</summary>${nested}</details>`}</li>`;
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
    part(context, { label: html`<span class="role">${label}</span>` }, value, child(name));
  const fields = mapOf(schema, "properties").map(([name, value]) => {
    const flags = required.has(name) ? html` <span class="flag flag-required">required</span>` : nothing;
    return part(context, { label: html`<code>${name}</code>`, flags }, value, child(name));
  });
  const patterns = mapOf(schema, "patternProperties").map(([name, value]) =>
    part(context, { label: html`<span class="role">names like</span> <code>${name}</code>` }, value, child(name)),
  );
  const others = isSchemaWithContent(context, schema["additionalProperties"])
    ? [one("other properties", schema["additionalProperties"], "*")]
    : [];
  const rules = [
    ...["not", "if", "then", "else", "contains", "propertyNames"].map((keyword) => [keyword, schema[keyword]] as const),
    ...mapOf(schema, "dependentSchemas").map(([name, value]) => [`with ${name}`, value] as const),
  ].flatMap(([keyword, value]) => (value === undefined ? [] : [one(keyword, value, keyword)]));
  const all = [...fields, ...patterns, ...others, ...elements(context, schema, place), ...rules];
  const { items } = schema;
  const ofElements = isPlainObject(context, items)
    ? merged(context, items, { ...place, id: context.anchors.within(place.id, "[]") })
    : nothing;
  const parts = listOf(schema, "allOf").map((value) => base(context, value, place));
  return html`${parts}${all.length > 0 && html`<ul class="fields">${all}</ul>`}${ofElements}${alternatives(context, schema, place)}`;
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
  const label = (text: string): Head => ({ label: html`<span class="role">${text}</span>` });
  const { items } = schema;
  const prefix = listOf(schema, "prefixItems");
  const tuple = prefix.length > 0 ? prefix : Array.isArray(items) ? items : [];
  const numbered = tuple.map((value, index) =>
    part(context, label(`element ${index + 1}`), value, {
      ...place,
      id: context.anchors.within(place.id, `[${index}]`),
    }),
  );
  if (Array.isArray(items) || !isSchemaWithContent(context, items) || isPlainObject(context, items)) return numbered;
  const id = context.anchors.within(place.id, "[]");
  const further = label(tuple.length > 0 ? "further elements" : "each element");
  return [...numbered, part(context, further, items, { ...place, id })];
}

/** Whether its properties are all that is to be said of it: then those of an array's elements need no line in between. */
function isPlainObject(context: PageContext, value: unknown): boolean {
  const { schema, nullable } = readSchema(context, value);
  return !nullable && mapOf(schema, "properties").length > 0 && remarks(schema).text === "" && !("title" in schema);
}

/** What a schema says, as a part of what is around it. */
function merged(context: PageContext, value: unknown, place: Place): Html {
  const read = readSchema(context, value);
  if (!isShownInPlace(read, place)) return nothing;
  const around = read.key === undefined ? place.around : [...place.around, read.key];
  return html`${remarks(read.schema)}${children(context, read, { ...place, depth: place.depth + 1, around })}`;
}

/** A part of `allOf`, with its name if it has one. */
function base(context: PageContext, value: unknown, place: Place): Html {
  const { name } = readSchema(context, value);
  return html`${name !== undefined && html`<p class="choice-label">from ${schemaType(context, value)}</p>`}${merged(context, value, place)}`;
}

const combinations: readonly (readonly [string, string])[] = [
  ["oneOf", "exactly one of"],
  ["anyOf", "at least one of"],
];

function alternatives(context: PageContext, schema: SchemaObject, place: Place): readonly Html[] {
  return combinations.flatMap(([keyword, words]) => {
    const parts = listOf(schema, keyword);
    // Plain types are all in the type's name: string | number.
    if (parts.length === 0 || !parts.some((one) => isSchemaWithContent(context, one))) return [];
    const shown = parts.map((value, index) => {
      const id = context.anchors.within(place.id, `${keyword}[${index}]`);
      const { title } = readSchema(context, value).schema;
      const titled = typeof title === "string";
      const label = html`<span class="role">${titled ? title : index + 1}</span>`;
      return part(context, { label, titled }, value, { ...place, id });
    });
    return [html`<div class="choice"><p class="choice-label">${words}</p><ul class="fields">${shown}</ul></div>`];
  });
}
