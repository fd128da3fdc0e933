import { isObject, type JsonObject, own, pointerOf } from "./json.ts";
import { child, children, follow, items, type Place } from "./place.ts";

/** A message with its references followed and its traits applied. */
export interface MessageView {
  readonly key: string;
  readonly place: Place;
  readonly name: string | undefined;
  readonly contentType: string | undefined;
  readonly correlationId: unknown;
  readonly payload: SchemaView;
  readonly headers: SchemaView;
}

/** A schema, or what stands in its place. `format`: of a language that is not JSON Schema. */
export interface SchemaView {
  readonly place: Place;
  /** Where the message names it. */
  readonly given: Place;
  readonly format: string | undefined;
}

const jsonSchemaFormat = /^application\/(vnd\.aai\.asyncapi|vnd\.asyncapi|schema)\b[^;]*/i;

function schemaView(given: Place): SchemaView {
  if (given.value === undefined) return { place: { ...given, value: true }, given, format: undefined };
  const place = follow(given) ?? given;
  const format = isObject(place.value) ? own(place.value, "schemaFormat") : undefined;
  // A reference stays: some validators heed what stands beside it.
  if (typeof format !== "string") return { place: given, given, format: undefined };
  const inner = child(place, "schema");
  const schema = { ...inner, schemaRoot: inner };
  return { place: schema, given, format: jsonSchemaFormat.test(format) ? undefined : format };
}

function mergePatch(base: unknown, patch: unknown): unknown {
  if (!isObject(patch) || !isObject(base)) return patch;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(patch)) {
    Object.defineProperty(merged, key, {
      value: mergePatch(own(base, key), value),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return merged;
}

/** The object at this place with its traits merged in; what it says itself wins. */
export function withTraits(place: Place): Place {
  const traits = items(child(place, "traits"));
  if (traits.length === 0 || !isObject(place.value)) return place;
  const base = traits.reduce<unknown>((merged, trait) => mergePatch(merged, follow(trait)?.value ?? {}), {});
  return { ...place, value: mergePatch(base, place.value) };
}

/** The last part of a reference, or the index where the object is inline. */
function keyOf(place: Place): string {
  const value = place.value as JsonObject | undefined;
  const pointer = isObject(value) ? (pointerOf(own(value, "$ref")) ?? place.pointer) : place.pointer;
  return (pointer.split("/").at(-1) ?? "").replaceAll("~1", "/").replaceAll("~0", "~");
}

function messageView(key: string, given: Place, defaultContentType: unknown): MessageView {
  const place = withTraits(follow(given) ?? given);
  const text = (name: string): string | undefined => {
    const value = child(place, name).value;
    return typeof value === "string" ? value : undefined;
  };
  const contentType = text("contentType") ?? (typeof defaultContentType === "string" ? defaultContentType : undefined);
  const correlation = follow(child(place, "correlationId"));
  return {
    key,
    place,
    name: text("name"),
    contentType,
    correlationId: correlation === undefined ? undefined : child(correlation, "location").value,
    payload: schemaView(child(place, "payload")),
    headers: schemaView(child(place, "headers")),
  };
}

/** Messages of a list of references; without a list, all of the channel. */
export function messageViews(listed: Place, channel: Place | undefined): readonly MessageView[] {
  const defaultContentType = own(listed.root, "defaultContentType");
  const view = (key: string, place: Place): MessageView => messageView(key, place, defaultContentType);
  if (Array.isArray(listed.value)) return items(listed).map((place) => view(keyOf(place), place));
  if (channel === undefined) return [];
  return [...children(child(channel, "messages"))].map(([key, place]) => view(key, place));
}
