import { isReference, pathOfReference, pointerOf } from "../reference.ts";
import { lintExpression } from "./channel-rules.ts";
import { isPlain, type LintView, type Placed } from "./lint-view.ts";
import { findMisfit } from "./misfit.ts";

/** Formats whose schemas can be checked here. */
const known = /^application\/(?:vnd\.aai\.asyncapi(?:\+(?:json|yaml))?|schema\+(?:json|yaml);version=draft-0[67])\b/;

/** Headers that are an object, expressions that are some, examples that are no lie. */
export function lintMessages(view: LintView): void {
  for (const message of view.messages) {
    lintHeaders(view, message);
    lintExamples(view, message);
  }
  const traits = view.entries(view.document.components?.messageTraits, ["components", "messageTraits"]);
  const ids = view.entries(view.document.components?.correlationIds, ["components", "correlationIds"]);
  const found = new Map<unknown, Placed>();
  for (const { value, path } of [...view.messages, ...traits.flatMap(({ placed }) => placed ?? [])]) {
    const placed = view.follow(value["correlationId"], [...path, "correlationId"]);
    if (placed !== undefined) found.set(placed.value, placed);
  }
  for (const { placed } of ids) if (placed !== undefined) found.set(placed.value, placed);
  for (const { value, path } of found.values()) lintExpression(view, value["location"] ?? null, [...path, "location"]);
}

function lintHeaders(view: LintView, { value, path }: Placed): void {
  const headers = view.follow(value["headers"], [...path, "headers"]);
  if (headers === undefined || typeof headers.value["schemaFormat"] === "string") return;
  if (headers.value["type"] !== "object") {
    view.report("headers-object", "error", headers.path, 'Headers are a map: their schema must have type "object".');
  }
}

function lintExamples(view: LintView, { value, path }: Placed): void {
  for (const [index, example] of Array.isArray(value["examples"]) ? value["examples"].entries() : []) {
    if (!isPlain(example)) continue;
    for (const part of ["payload", "headers"] as const) {
      if (example[part] === undefined) continue;
      const schema = schemaOf(view, value[part]);
      const misfit = findMisfit(example[part], schema, view.document);
      if (misfit === undefined) continue;
      const at = [...path, "examples", String(index), part, ...misfit.path];
      view.report("invalid-example", "error", at, `The example does not fit its schema: ${misfit.message}.`);
    }
  }
}

function schemaOf(view: LintView, value: unknown): unknown {
  const placed = view.follow(value, []);
  const format = placed?.value["schemaFormat"];
  if (typeof format !== "string") return placed?.value;
  return known.test(format) ? placed?.value["schema"] : undefined;
}

/** Operations and replies use messages of their own channel; every message of a channel is used by one of them. */
export function lintOperations(view: LintView): void {
  const used = new Set<string>();
  const all = new Set<string>();
  const note = (channel: unknown, messages: unknown, path: readonly string[]): void => {
    const home = isReference(channel) ? pathOfReference(channel.$ref) : undefined;
    if (home === undefined) return;
    if (!Array.isArray(messages)) all.add(pointerOf(home));
    for (const [index, message] of Array.isArray(messages) ? messages.entries() : []) {
      const target = isReference(message) ? pathOfReference(message.$ref) : undefined;
      if (target === undefined) continue;
      used.add(pointerOf(target));
      if (pointerOf(target).startsWith(`${pointerOf(home)}/messages/`)) continue;
      const at = [...path, "messages", String(index)];
      view.report("foreign-message", "error", at, "This message is not one of the channel.");
    }
  };
  for (const { placed } of view.operations) {
    if (placed === undefined) continue;
    const { value, path } = placed;
    note(value["channel"], value["messages"], path);
    const reply = view.follow(value["reply"], [...path, "reply"]);
    if (reply === undefined) continue;
    note(reply.value["channel"] ?? value["channel"], reply.value["messages"], reply.path);
    const address = view.follow(reply.value["address"], [...reply.path, "address"]);
    if (address !== undefined) lintExpression(view, address.value["location"] ?? null, [...address.path, "location"]);
  }
  for (const { placed } of view.channels) {
    if (placed === undefined || all.has(pointerOf(placed.path))) continue;
    for (const { at, key } of view.entries(placed.value["messages"], [...placed.path, "messages"])) {
      if (used.has(pointerOf(at))) continue;
      view.report("unused-message", "warning", at, `No operation sends or receives ${key}.`);
    }
  }
}
