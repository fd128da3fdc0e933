import type { AsyncApiDocument } from "../document.ts";
import { isReference, pathOfReference, pointerOf, valueAt } from "../reference.ts";
import type { LintFinding, LintRule, LintSeverity } from "./lint-finding.ts";

export type Path = readonly string[];
export type Plain = Readonly<Record<string, unknown>>;

/** An object of the document with its real place: behind references, if there were any. */
export interface Placed {
  readonly value: Plain;
  readonly path: Path;
}

export function isPlain(value: unknown): value is Plain {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A document as rules see it: nothing is taken for granted, since documents of others are linted, too. */
export class LintView {
  readonly findings: LintFinding[] = [];
  readonly document: AsyncApiDocument;

  constructor(document: AsyncApiDocument) {
    this.document = document;
  }

  report(rule: LintRule, severity: LintSeverity, path: Path, message: string): void {
    this.findings.push({ rule, severity, path: pointerOf(path), message });
  }

  /** Follows references; `undefined` where they lead nowhere, out of the document, or in a circle. */
  follow(value: unknown, path: Path): Placed | undefined {
    let current: Placed | undefined = isPlain(value) ? { value, path } : undefined;
    for (let steps = 0; current !== undefined && isReference(current.value); steps += 1) {
      const target = steps < 20 ? pathOfReference(current.value.$ref) : undefined;
      const found = target === undefined ? undefined : valueAt(this.document, target);
      current = isPlain(found) && target !== undefined ? { value: found, path: target } : undefined;
    }
    return current;
  }

  /** The objects of a map by name, at the place where they are named. */
  entries(of: unknown, path: Path): { readonly key: string; readonly at: Path; readonly placed: Placed | undefined }[] {
    if (!isPlain(of)) return [];
    return Object.entries(of).map(([key, value]) => {
      const at = [...path, key];
      return { key, at, placed: this.follow(value, at) };
    });
  }

  get channels(): ReturnType<LintView["entries"]> {
    return this.entries(this.document.channels, ["channels"]);
  }

  get operations(): ReturnType<LintView["entries"]> {
    return this.entries(this.document.operations, ["operations"]);
  }

  /** All messages, each once, at its real place: of channels and of components. */
  get messages(): readonly Placed[] {
    const found = new Map<unknown, Placed>();
    const add = (of: unknown, path: Path): void => {
      for (const { placed } of this.entries(of, path)) if (placed !== undefined) found.set(placed.value, placed);
    };
    add(this.document.components?.messages, ["components", "messages"]);
    const { components } = this.document;
    for (const { placed } of [...this.channels, ...this.entries(components?.channels, ["components", "channels"])]) {
      if (placed !== undefined) add(placed.value["messages"], [...placed.path, "messages"]);
    }
    return [...found.values()];
  }

  /** All schemas that stand in the document: of messages, traits and components. Those in an envelope are named by it. */
  get schemas(): readonly Placed[] {
    const found = new Map<unknown, Placed>();
    const add = (value: unknown, path: Path): void => {
      const inner = isPlain(value) && typeof value["schemaFormat"] === "string";
      const schema = inner ? (value as Plain)["schema"] : value;
      if (isPlain(schema)) found.set(schema, { value: schema, path: inner ? [...path, "schema"] : path });
    };
    const traits = this.entries(this.document.components?.messageTraits, ["components", "messageTraits"]);
    const others = traits.flatMap(({ placed }) => (placed === undefined ? [] : [placed]));
    for (const { value, path } of [...this.messages, ...others]) {
      for (const part of ["payload", "headers"]) add(value[part], [...path, part]);
    }
    for (const [name, schema] of Object.entries(this.document.components?.schemas ?? {})) {
      add(schema, ["components", "schemas", name]);
    }
    return [...found.values()];
  }
}

/** Visits every value of a document, outermost first. */
export function visitValues(value: unknown, visit: (value: unknown, path: Path) => void, path: Path = []): void {
  visit(value, path);
  if (typeof value !== "object" || value === null) return;
  for (const [key, one] of Object.entries(value)) visitValues(one, visit, [...path, key]);
}
