import { isObject, listOf, objectOf, own } from "../diff/json.ts";
import { child, children, items, type Place } from "../diff/place.ts";
import { type Definitions, resolveReference } from "./bundle-schema.ts";

/** A value as a literal of TypeScript, harmless wherever it stands. */
export function literal(value: unknown): string {
  return (JSON.stringify(value) ?? "undefined")
    .replaceAll("\u2028", "\\u2028")
    .replaceAll("\u2029", "\\u2029")
    .replace(/([{,])"__proto__":/g, '$1["__proto__"]:');
}

/** A name as the key of an object or type. In quotes or not, `__proto__` would set the prototype of an object. */
export function propertyKey(name: string): string {
  if (name === "__proto__") return '["__proto__"]';
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : literal(name);
}

/** A doc comment of what somebody else wrote; nothing where nobody wrote anything. */
export function comment(texts: readonly unknown[], indent = ""): string {
  const lines = texts
    .filter((text): text is string => typeof text === "string" && text.trim() !== "")
    .flatMap((text) => text.trim().split(/\r\n|[\n\r\u2028\u2029]/))
    .map((line) =>
      line
        .replaceAll("*/", "*\\/")
        .replace(/\p{Cc}/gu, "")
        .trimEnd(),
    );
  if (lines.length === 0) return "";
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  return `${indent}/**\n${lines.map((line) => `${indent} *${line === "" ? "" : ` ${line}`}\n`).join("")}${indent} */\n`;
}

function union(types: readonly string[]): string {
  const unique = [...new Set(types)].filter((type) => type !== "never");
  if (unique.includes("unknown")) return "unknown";
  if (unique.length === 0) return "never";
  return unique.length === 1
    ? (unique[0] as string)
    : unique.map((type) => (/[&=]/.test(type) ? `(${type})` : type)).join(" | ");
}

function intersection(types: readonly string[]): string {
  const unique = [...new Set(types)].filter((type) => type !== "unknown");
  if (unique.length === 0) return "unknown";
  return unique.length === 1
    ? (unique[0] as string)
    : unique.map((type) => (type.includes("|") ? `(${type})` : type)).join(" & ");
}

function literalType(value: unknown): string {
  if (Array.isArray(value)) return `readonly [${value.map(literalType).join(", ")}]`;
  if (!isObject(value)) return literal(value);
  return `{ ${Object.keys(value)
    .map((key) => `readonly ${propertyKey(key)}: ${literalType(value[key])}`)
    .join("; ")} }`;
}

/** Written types of JSON Schemas: what the schema lets through, as far as TypeScript can say it. */
export function createTypeWriter(definitions: Definitions): (place: Place, indent?: string) => string {
  function objectType(place: Place, indent: string): string {
    const properties = children(child(place, "properties"));
    const required = new Set(listOf(child(place, "required").value));
    const additional = child(place, "additionalProperties");
    const patterns = children(child(place, "patternProperties"));
    const inner = `${indent}  `;
    const lines = [...properties].map(([name, property]) => {
      const { title, description, deprecated } = objectOf(property.value);
      const docs = comment([title, description, deprecated === true ? "@deprecated" : undefined], inner);
      const isRequired = required.has(name);
      const type = typeOf(property, inner);
      return `${docs}${inner}readonly ${propertyKey(name)}${isRequired ? "" : "?"}: ${type}${isRequired ? "" : orUndefined(type)};\n`;
    });
    for (const name of required) {
      if (typeof name !== "string" || properties.has(name)) continue;
      lines.push(
        `${inner}readonly ${propertyKey(name)}: ${additional.value === undefined ? "unknown" : typeOf(additional, inner)};\n`,
      );
    }
    const others = [
      ...patterns.values(),
      ...(additional.value === undefined || additional.value === false ? [] : [additional]),
    ];
    if (others.length > 0) {
      // An index signature holds for listed properties, too: beside them only `unknown` is sure to.
      const type = lines.length === 0 ? union(others.map((one) => typeOf(one, inner))) : "unknown";
      lines.push(`${inner}readonly [name: string]: ${type};\n`);
    }
    if (lines.length === 0) {
      const isEmpty = additional.value === false || isObject(child(place, "properties").value);
      return isEmpty && additional.value === false
        ? "Readonly<Record<string, never>>"
        : "Readonly<Record<string, unknown>>";
    }
    return `{\n${lines.join("")}${indent}}`;
  }

  function arrayType(place: Place, indent: string): string {
    const given = child(place, "items");
    const prefix = Array.isArray(given.value) ? items(given) : items(child(place, "prefixItems"));
    const rest = Array.isArray(given.value) ? child(place, "additionalItems") : given;
    const wrapped = (type: string): string => (/[|&]/.test(type) || type.startsWith("readonly ") ? `(${type})` : type);
    const others = rest.value === undefined ? "unknown" : typeOf(rest, indent);
    if (prefix.length === 0) return others === "never" ? "readonly []" : `readonly ${wrapped(others)}[]`;
    const least = child(place, "minItems").value;
    const parts = prefix.map((one, index) => {
      const type = typeOf(one, indent);
      return typeof least === "number" && index < least ? type : `${wrapped(type)}?`;
    });
    return `readonly [${[...parts, ...(others === "never" ? [] : [`...${wrapped(others)}[]`])].join(", ")}]`;
  }

  function ofType(type: unknown, place: Place, indent: string): string {
    if (type === "string" || type === "boolean" || type === "null") return type;
    if (type === "number" || type === "integer") return "number";
    if (type === "array") return arrayType(place, indent);
    return type === "object" ? objectType(place, indent) : "unknown";
  }

  function ownType(place: Place, indent: string): string {
    const value = objectOf(place.value);
    if (Object.hasOwn(value, "const")) return literalType(value["const"]);
    if (Array.isArray(value["enum"])) return union(value["enum"].map(literalType));
    const type = own(value, "type");
    if (Array.isArray(type)) return union(type.map((one) => ofType(one, place, indent)));
    if (type !== undefined) return ofType(type, place, indent);
    if (
      ["properties", "additionalProperties", "patternProperties", "required"].some((key) => Object.hasOwn(value, key))
    ) {
      return objectType(place, indent);
    }
    return ["items", "prefixItems"].some((key) => Object.hasOwn(value, key)) ? arrayType(place, indent) : "unknown";
  }

  function typeOf(place: Place, indent = ""): string {
    if (place.value === false) return "never";
    if (!isObject(place.value)) return "unknown";
    const found = [ownType(place, indent)];
    if (own(place.value, "$ref") !== undefined) found.push(definitions.nameOf(resolveReference(place)));
    for (const part of items(child(place, "allOf"))) found.push(typeOf(part, indent));
    for (const name of ["anyOf", "oneOf"]) {
      const branches = items(child(place, name));
      if (branches.length > 0) found.push(union(branches.map((branch) => typeOf(branch, indent))));
    }
    const specific = found.filter((type) => type !== "Readonly<Record<string, unknown>>");
    return intersection(specific.some((type) => type.includes("{") || /^[A-Z]/.test(type)) ? specific : found);
  }

  return typeOf;
}

/** Whoever leaves a property out may also say so. */
function orUndefined(type: string): string {
  return type === "unknown" ? "" : " | undefined";
}
