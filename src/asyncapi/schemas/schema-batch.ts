import { isSchemaObject, mapSubschemas, type SchemaObject } from "../../json-schema/subschemas.ts";
import { canonical } from "../canonical.ts";
import { pathOfReference, pointerOf } from "../reference.ts";

/** A schema that others refer to: a definition, or the whole. */
export interface Definition {
  /** Name that it wants in the document. */
  readonly name: string;
  /** Without definitions, `$schema` and `$id`; references not yet rewritten. */
  readonly body: SchemaObject;
  /** Pointer of where it stood. */
  readonly pointer: string;
  /** Pointer of the schema that `#` means in it. */
  readonly base: string;
}

/** Names that libraries make up (`0` of valibot, `__schema0` of zod): they say nothing, and clash. */
const madeUp = /^_*(?:schema)?\d+$/;

const rootPointer = "";

/**
 * One schema of one library taken apart: its definitions, wherever they stand, and what its references mean. Understands
 * `$defs` and `definitions`, pointers, `$id`, and names without a `#` as TypeBox writes them.
 */
export class SchemaBatch {
  readonly root: Definition;
  readonly #definitions = new Map<string, Definition>();
  readonly #byId = new Map<string, string>();
  readonly #byName = new Map<string, string>();
  readonly #closures = new Map<string, string>();

  constructor(schema: SchemaObject, name: string) {
    const { title } = schema;
    let anonymous = 0;
    const strip = (one: SchemaObject, path: readonly string[], outer: string): SchemaObject => {
      const pointer = pointerOf(path);
      const { $schema: _, $id, $defs, definitions, ...rest } = one;
      const base = typeof $id === "string" ? pointer : outer;
      if (typeof $id === "string") this.#byId.set($id, pointer);
      for (const [keyword, group] of Object.entries({ definitions, $defs })) {
        if (!isSchemaObject(group)) continue;
        for (const [key, definition] of Object.entries(group)) {
          if (!isSchemaObject(definition)) continue;
          const steps = [...path, keyword, key];
          const wanted = madeUp.test(key) ? `${name}Part${++anonymous}` : key;
          // Its place is taken before it is looked into, so that the order is that of the definitions.
          const place = pointerOf(steps);
          const own = typeof definition["$id"] === "string" ? place : base;
          this.#definitions.set(place, { name: wanted, body: {}, pointer: place, base: own });
          this.#byName.set(key, place);
          this.#definitions.set(place, {
            name: wanted,
            body: strip(definition, steps, base),
            pointer: place,
            base: own,
          });
        }
      }
      return mapSubschemas(rest, (subschema, step) => strip(subschema, [...path, ...step], base));
    };
    const body = strip(schema, [], rootPointer);
    const wanted = typeof title === "string" ? title : name;
    this.root = { name: wanted, body, pointer: rootPointer, base: rootPointer };
    this.#definitions.set(rootPointer, this.root);
  }

  /** What a reference in a definition means: another one, and the way from there. `undefined`: nothing of this batch. */
  resolve(
    reference: string,
    from: Definition,
  ): { readonly target: Definition; readonly rest: readonly string[] } | undefined {
    const bare = this.#byId.get(reference) ?? (reference.includes("#") ? undefined : this.#byName.get(reference));
    if (bare !== undefined) return this.#at(bare, []);
    const path = pathOfReference(reference);
    if (path === undefined) return undefined;
    const base = pathOfReference(`#${from.base}`) ?? [];
    // The longest definition on the way: pointers may lead into one.
    for (let length = path.length; length > 0; length -= 1) {
      const pointer = pointerOf([...base, ...path.slice(0, length)]);
      if (this.#definitions.has(pointer)) return this.#at(pointer, path.slice(length));
    }
    return this.#at(this.#definitions.has(from.base) ? from.base : rootPointer, path);
  }

  #at(pointer: string, rest: readonly string[]): { target: Definition; rest: readonly string[] } | undefined {
    const target = this.#definitions.get(pointer);
    return target === undefined ? undefined : { target, rest };
  }

  /** The definitions that one refers to, itself included, in the order in which they are met. */
  reachable(from: Definition): readonly Definition[] {
    const met = new Set<Definition>([from]);
    for (const definition of met) {
      rewriteReferences(definition.body, (reference) => {
        const found = this.resolve(reference, definition);
        if (found !== undefined) met.add(found.target);
        return reference;
      });
    }
    return [...met];
  }

  /** All that a definition means, as text: equal texts are equal schemas, whatever the batch. */
  identity(of: Definition): string {
    const known = this.#closures.get(of.pointer);
    if (known !== undefined) return known;
    const parts = this.reachable(of).map((definition) => {
      const body = rewriteReferences(definition.body, (reference) => {
        const found = this.resolve(reference, definition);
        return found === undefined
          ? reference
          : `${found.target === of ? "" : found.target.name}#${found.rest.join("/")}`;
      });
      return [definition === of ? "" : definition.name, body] as const;
    });
    const text = canonical(parts.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
    this.#closures.set(of.pointer, text);
    return text;
  }
}

/** Changes every `$ref` of a schema, at any depth, and no data that looks like one. */
export function rewriteReferences(schema: SchemaObject, change: (reference: string) => string): SchemaObject {
  const changed = mapSubschemas(schema, (subschema) => rewriteReferences(subschema, change));
  return typeof changed["$ref"] === "string" ? { ...changed, $ref: change(changed["$ref"]) } : changed;
}
