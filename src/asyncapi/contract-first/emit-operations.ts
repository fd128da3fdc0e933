import { objectOf, own } from "../diff/json.ts";
import type { Place } from "../diff/place.ts";
import type { AsyncApiDocument } from "../document.ts";
import { createDefinitions, type Definitions, localSchema, neededDefinitions, typeName } from "./bundle-schema.ts";
import { schemaUri } from "./contract.ts";
import { comment, createTypeWriter, literal, propertyKey } from "./emit-type.ts";
import { type OperationSpec, operationSpecs, type SchemaUse } from "./operation-spec.ts";

/** Words that cannot name a constant, and names that the module has already. */
const reserved = new Set(
  (
    "arguments await break case catch class const continue contract debugger default defineChannel defineOperation delete do " +
    "else enum eval export extends false finally for function if implements import in instanceof interface jsonSchema let new " +
    "null package private protected public return schemas static super switch this throw true try typeof undefined var void " +
    "while with yield"
  ).split(" "),
);

function constantName(key: string, taken: Set<string>): string {
  const name = typeName(key).replace(/^Schema(?=\d|$)/, "operation");
  const wanted = name.charAt(0).toLowerCase() + name.slice(1);
  let free = wanted;
  for (let number = 2; taken.has(free) || reserved.has(free); number += 1) free = `${wanted}${number}`;
  taken.add(free);
  return free;
}

interface Writer {
  readonly definitions: Definitions;
  typeOf(place: Place, indent?: string): string;
}

/** `jsonSchema<Type>({ … })` with the definitions that it needs. */
function schemaCall(use: SchemaUse, { definitions, typeOf }: Writer): string {
  if (use.places.length === 0) return "jsonSchema({})";
  const type = use.places.map((place) => typeOf(place, "  ")).join(" | ");
  const names = [...new Set(use.places.flatMap((place) => neededDefinitions(place, definitions)))];
  const bodies = use.places.map((place) => localSchema(place, definitions));
  const body = bodies.length === 1 ? objectOf(bodies[0]) : { anyOf: bodies };
  const own = Object.entries({ ...schemaUri(use), ...body }).map(
    ([key, value]) => `${propertyKey(key)}: ${literal(value)}`,
  );
  const needed = names.map((name) => `${name}: schemas.${name}`);
  const parts = [...own, ...(needed.length > 0 ? [`definitions: { ${needed.join(", ")} }`] : [])];
  return `jsonSchema<${type}>({ ${parts.join(", ")} })`;
}

function channelText({ address, parameters }: OperationSpec): string {
  if (parameters === undefined) return literal(address);
  return `defineChannel({ address: ${literal(address)}, parameters: ${literal(parameters)} })`;
}

function operationText(spec: OperationSpec, name: string, writer: Writer): string {
  const { docs, topic, messageName } = spec;
  const fields: (readonly [string, string])[] = [
    ["name", literal(spec.key)],
    ["channel", channelText(spec)],
  ];
  if (topic === undefined) fields.push(["topicHeader", "false"]);
  else {
    fields.push(["topic", literal(topic.value)]);
    if (topic.header !== "topic") fields.push(["topicHeader", literal(topic.header)]);
  }
  for (const part of ["payload", "headers", "reply"] as const) {
    const use = spec[part];
    if (use !== undefined) fields.push([part, schemaCall(use, writer)]);
  }
  for (const [key, value] of Object.entries(docs)) fields.push([key, literal(value)]);
  if (spec.deprecated) fields.push(["deprecated", "true"]);
  if (messageName !== undefined && messageName !== spec.key)
    fields.push(["message", `{ name: ${literal(messageName)} }`]);
  const notes = spec.notes.map((note) => `Note: ${note}.`);
  const docComment = comment([
    docs.title,
    docs.description ?? docs.summary,
    ...notes,
    spec.deprecated ? "@deprecated" : "",
  ]);
  const body = fields.map(([key, value]) => `  ${key}: ${value},\n`).join("");
  return `${docComment}export const ${name} = defineOperation({\n${body}});\n`;
}

/** Definitions, and those that they need, in the order of their names. */
function definitionTexts(
  { definitions, typeOf }: Writer,
  names: ReadonlySet<string>,
): { types: string; schemas: string } {
  const sorted = [...names].sort();
  const types = sorted.map((name) => {
    const place = definitions.placeOf(name);
    const value = objectOf(place.value);
    return `${comment([own(value, "title"), own(value, "description")])}export type ${name} = ${typeOf(place)};\n`;
  });
  const schemas = sorted.map((name) => `  ${name}: ${literal(localSchema(definitions.placeOf(name), definitions))},\n`);
  return { types: types.join("\n"), schemas: schemas.join("") };
}

/**
 * A module of TypeScript with the operations of an AsyncAPI 3 document, typed by its schemas and validated against them:
 * to send to the application that it describes, or with `implement()` to be that application. The same document gives the
 * same text. References out of the document are refused. Errors: `OptionError`.
 */
export function emitOperations(document: AsyncApiDocument): string {
  const specs = operationSpecs(document);
  const definitions = createDefinitions();
  const writer: Writer = { definitions, typeOf: createTypeWriter(definitions) };
  // Schemas under components.schemas have the first claim to their names, in their order.
  const components = objectOf(own(objectOf(own(document as never, "components")), "schemas"));
  const root = document as never;
  for (const key of Object.keys(components)) {
    const pointer = `/components/schemas/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    definitions.nameOf({ value: components[key], pointer, root });
  }
  const uses = specs.flatMap(({ payload, headers, reply }) => [payload, headers, reply]);
  const places = uses.flatMap((use) => use?.places ?? []);
  const needed = new Set(places.flatMap((place) => neededDefinitions(place, definitions)));
  const taken = new Set<string>();
  const named = specs.map((spec) => ({ spec, name: constantName(spec.key, taken) }));
  const operations = named.map(({ spec, name }) => operationText(spec, name, writer));
  const { types, schemas } = definitionTexts(writer, needed);
  const group = (action: OperationSpec["action"]): string => {
    const entries = named.filter(({ spec }) => spec.action === action);
    const list = entries.map(({ spec, name }) => (spec.key === name ? name : `${propertyKey(spec.key)}: ${name}`));
    return list.length === 0 ? "{}" : `{ ${list.join(", ")} }`;
  };
  const { title, version } = objectOf(own(document as never, "info"));
  const isUsed = (name: string): boolean => operations.some((text) => text.includes(`${name}(`));
  const imports = ["defineChannel", "defineOperation"].filter(isUsed);
  return [
    `// Generated by "millrace asyncapi types" from ${literal(title ?? "")} ${literal(version ?? "")}. Do not edit.\n`,
    ...(imports.length > 0 ? [`import { ${imports.join(", ")} } from "millrace";\n`] : []),
    ...(operations.some((text) => text.includes("jsonSchema"))
      ? ['import { jsonSchema } from "millrace/json-schema";\n']
      : []),
    ...(types === "" ? [] : [`\n${types}`]),
    ...(schemas === "" ? [] : [`\nconst schemas = {\n${schemas}};\n`]),
    ...operations.map((text) => `\n${text}`),
    "\n/** The operations from the view of the application: `implement(contract, …)`, `app.send(contract.receive.…)`. */\n",
    `export const contract = {\n  receive: ${group("receive")},\n  send: ${group("send")},\n};\n`,
  ].join("");
}
