import type { ChannelParameter } from "../../contract/channel.ts";
import { OptionError } from "../../server/errors.ts";
import { shown } from "../diff/change.ts";
import { isObject, listOf, objectOf, own } from "../diff/json.ts";
import { isAnnotation } from "../diff/keywords.ts";
import { type MessageView, messageViews, type SchemaView, withTraits } from "../diff/message-view.ts";
import { child, children, follow, type Place } from "../diff/place.ts";

/** What a document says of an operation, as far as millrace can use it. */
export interface OperationSpec {
  readonly key: string;
  readonly action: "send" | "receive";
  readonly messageName: string | undefined;
  readonly address: string;
  readonly parameters: Readonly<Record<string, ChannelParameter>> | undefined;
  /** `undefined` = anything. */
  readonly payload: SchemaUse | undefined;
  readonly headers: SchemaUse | undefined;
  readonly reply: SchemaUse | undefined;
  /** The header with one fixed value that tells the messages of a channel apart. */
  readonly topic: { readonly header: string; readonly value: string } | undefined;
  readonly docs: { readonly title?: string; readonly summary?: string; readonly description?: string };
  readonly deprecated: boolean;
  /** What is in the document and not in here. */
  readonly notes: readonly string[];
}

/** A schema of a message. Several are the messages of one operation, any of which may come. */
export interface SchemaUse {
  readonly places: readonly Place[];
  readonly dialect: "draft-07" | "2019-09" | "2020-12";
}

function dialectOf(view: SchemaView): SchemaUse["dialect"] {
  const format = own(objectOf(follow(view.given)?.value), "schemaFormat");
  const declared = `${typeof format === "string" ? format : ""} ${String(own(objectOf(view.place.value), "$schema") ?? "")}`;
  if (declared.includes("2020-12")) return "2020-12";
  return declared.includes("2019-09") ? "2019-09" : "draft-07";
}

function useOf(views: readonly SchemaView[], what: string, notes: string[]): SchemaUse | undefined {
  const isAnything = ({ place: { value } }: SchemaView): boolean =>
    value === true || (isObject(value) && Object.keys(value).every(isAnnotation));
  if (views.length === 0 || views.some(isAnything)) return undefined;
  const foreign = views.find(({ format }) => format !== undefined);
  if (foreign !== undefined) {
    notes.push(`the ${what} is written in ${shown(foreign.format)}, so it is not checked`);
    return undefined;
  }
  const dialects = new Set(views.map(dialectOf));
  const [dialect = "draft-07"] = dialects;
  if (dialects.size > 1) notes.push(`the messages speak several drafts of JSON Schema; ${dialect} is taken for all`);
  return { places: views.map(({ place }) => place), dialect };
}

/** Headers that must have one fixed text, and the schema without them. */
function splitTopic(headers: Place): { readonly topic: OperationSpec["topic"]; readonly rest: Place | undefined } {
  const value = objectOf(headers.value);
  const properties = objectOf(own(value, "properties"));
  const required = listOf(own(value, "required"));
  const fixed = Object.keys(properties).filter(
    (name) => required.includes(name) && typeof own(objectOf(properties[name]), "const") === "string",
  );
  const marked = fixed.find((name) => own(objectOf(properties[name]), "x-topic") === true);
  const header = marked ?? (fixed.includes("topic") ? "topic" : fixed.length === 1 ? fixed[0] : undefined);
  if (header === undefined) return { topic: undefined, rest: headers };
  const others = Object.fromEntries(Object.entries(properties).filter(([name]) => name !== header));
  const left = required.filter((name) => name !== header);
  const { required: _, ...schema } = value;
  const rest = { ...schema, properties: others, ...(left.length > 0 ? { required: left } : {}) };
  const isEmpty =
    Object.keys(others).length === 0 && Object.keys(schema).every((key) => ["type", "properties"].includes(key));
  const topic = { header, value: String(own(objectOf(properties[header]), "const")) };
  return { topic, rest: isEmpty ? undefined : { ...headers, value: rest } };
}

function headersOf(views: readonly MessageView[], notes: string[]): Pick<OperationSpec, "topic" | "headers"> {
  const split = views.map(({ headers }) => splitTopic(follow(headers.place) ?? headers.place));
  const topics = new Set(split.map(({ topic }) => JSON.stringify(topic)));
  if (topics.size > 1) {
    notes.push("its messages differ by a header; send them with that header, and tell them apart by the payload");
    return { topic: undefined, headers: undefined };
  }
  const [first] = split;
  const rests = split.map(({ rest }) => rest);
  const known = rests.every((rest) => rest !== undefined && rest.value !== true);
  const views2 = rests.map((place, index) => ({ ...(views[index] as MessageView).headers, place: place as Place }));
  return { topic: first?.topic, headers: known ? useOf(views2, "headers", notes) : undefined };
}

function parametersOf(channel: Place): Readonly<Record<string, ChannelParameter>> | undefined {
  const found = [...children(child(channel, "parameters"))].map(([name, place]) => {
    const value = objectOf(follow(place)?.value);
    const text = (key: string): object => (typeof value[key] === "string" ? { [key]: value[key] } : {});
    const list = (key: string): object => (Array.isArray(value[key]) ? { [key]: value[key].map(String) } : {});
    return [name, { ...text("description"), ...list("enum"), ...text("default") }] as const;
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

/** Braces that are text are written as `%7B` and `%7D`, with what is between them, since others stand for parameters. */
function addressText(address: string): string {
  return address.replace(/%7B.*?%7D|%7[BD]/gi, (part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
}

/** Errors: `OptionError` where the operation leads out of the document, or has no address to send to. */
function operationSpec(key: string, given: Place): OperationSpec {
  const operation = withTraits(follow(given) ?? given);
  const { value: action } = child(operation, "action");
  const where = `Operation ${shown(key)}`;
  if (action !== "send" && action !== "receive") throw new OptionError(`${where} neither sends nor receives.`);
  const channel = follow(child(operation, "channel"));
  if (channel === undefined) throw new OptionError(`${where} names a channel that is not in the document.`);
  const { value: address } = child(channel, "address");
  if (typeof address !== "string" || address === "") {
    throw new OptionError(`${where} is on a channel without address, so nobody knows where its messages go.`);
  }
  const notes: string[] = [];
  const views = messageViews(child(operation, "messages"), channel);
  const types = new Set(views.map(({ contentType }) => contentType).filter((type) => type !== undefined));
  const odd = [...types].find((type) => !/^application\/([\w.+-]+\+)?json\b/i.test(type));
  if (odd !== undefined) notes.push(`its content type is ${shown(odd)}: give the app a codec for it`);
  const reply = child(operation, "reply").value === undefined ? undefined : follow(child(operation, "reply"));
  const replyChannel = reply === undefined ? undefined : follow(child(reply, "channel"));
  const replies = reply === undefined ? [] : messageViews(child(reply, "messages"), replyChannel);
  const docs = ["title", "summary", "description"].flatMap((name) => {
    const { value } = child(operation, name);
    return typeof value === "string" ? [[name, value] as const] : [];
  });
  const payloads = views.map(({ payload }) => payload);
  return {
    key,
    action,
    messageName: views.length === 1 ? views[0]?.name : undefined,
    address: addressText(address),
    parameters: parametersOf(channel),
    payload: useOf(payloads, "payload", notes),
    ...headersOf(views, notes),
    reply:
      reply === undefined
        ? undefined
        : (useOf(
            replies.map(({ payload }) => payload),
            "reply",
            notes,
          ) ?? { places: [], dialect: "draft-07" }),
    docs: Object.fromEntries(docs),
    deprecated: views.length > 0 && views.every(({ place }) => child(place, "deprecated").value === true),
    notes,
  };
}

/** The operations of an AsyncAPI 3 document, in its order. Errors: `OptionError` for what is none. */
export function operationSpecs(document: unknown): readonly OperationSpec[] {
  if (!isObject(document) || !/^3\.\d+\.\d+/.test(String(own(document, "asyncapi")))) {
    throw new OptionError("Expected an AsyncAPI 3 document: an object with asyncapi: 3.x.y.");
  }
  const operations = child({ value: document, pointer: "", root: document }, "operations");
  return [...children(operations)].map(([key, place]) => operationSpec(key, place));
}
