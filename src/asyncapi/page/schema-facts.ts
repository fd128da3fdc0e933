import { inlineValue } from "./code-block.ts";
import { type Html, html, joined } from "./html.ts";
import { listOf, type SchemaObject } from "./schema.ts";

/** Libraries write these limits for every whole number; they say nothing. */
const safe = Number.MAX_SAFE_INTEGER;

function numberOf(schema: SchemaObject, keyword: string): number | undefined {
  const value = schema[keyword];
  return typeof value === "number" && Math.abs(value) !== safe ? value : undefined;
}

function range(schema: SchemaObject, low: string, high: string, unit: string): Html | undefined {
  const min = numberOf(schema, low);
  const max = numberOf(schema, high);
  if (min === undefined && max === undefined) return undefined;
  const amount = max === undefined ? `at least ${min}` : min === undefined ? `at most ${max}` : `${min} to ${max}`;
  const one = min === max && min !== undefined;
  const plural = (one ? min : (max ?? min)) === 1 ? unit : `${unit}s`;
  return html`${one ? `exactly ${min}` : amount} ${plural}`;
}

/** More alternatives than this are cut: the whole list is in the document. */
const maxValues = 60;

function values(label: string, list: readonly unknown[]): Html | undefined {
  if (list.length === 0) return undefined;
  const more = list.length > maxValues ? html` and ${list.length - maxValues} more` : undefined;
  return html`<span class="fact-label">${label}</span> ${joined(list.slice(0, maxValues).map(inlineValue), " ")}${more}`;
}

/** What a value must fulfil besides its type, one remark each. */
export function schemaFacts(schema: SchemaObject): readonly Html[] {
  const limit = (keyword: string, sign: string): Html | undefined => {
    const value = numberOf(schema, keyword);
    return value === undefined ? undefined : html`${sign} <code>${value}</code>`;
  };
  const text = (keyword: string, label: string): Html | undefined => {
    const value = schema[keyword];
    return typeof value === "string" ? html`<span class="fact-label">${label}</span> <code>${value}</code>` : undefined;
  };
  const flag = (keyword: string, word: string): Html | undefined =>
    schema[keyword] === true ? html`${word}` : undefined;
  const examples = "example" in schema ? [schema["example"]] : listOf(schema, "examples");
  const facts = [
    "const" in schema && html`<span class="fact-label">always</span> ${inlineValue(schema["const"])}`,
    values("one of", listOf(schema, "enum")),
    "default" in schema && html`<span class="fact-label">default</span> ${inlineValue(schema["default"])}`,
    limit("minimum", "≥"),
    limit("exclusiveMinimum", ">"),
    limit("maximum", "≤"),
    limit("exclusiveMaximum", "<"),
    limit("multipleOf", "multiple of"),
    range(schema, "minLength", "maxLength", "character"),
    text("pattern", "matches"),
    text("contentMediaType", "content"),
    text("contentEncoding", "encoding"),
    range(schema, "minItems", "maxItems", "item"),
    flag("uniqueItems", "no duplicates"),
    range(schema, "minProperties", "maxProperties", "key"),
    schema["additionalProperties"] === false && html`no other properties`,
    flag("readOnly", "read only"),
    flag("writeOnly", "write only"),
    values(examples.length === 1 ? "example" : "examples", examples),
  ];
  return facts.filter((fact) => fact !== undefined && fact !== false);
}
