import type { Envelope, EnvelopeBody } from "../server/envelope.ts";
import type { BrokerServer } from "../server/server.ts";
import { specVersion, typeHeader, viewPrefix } from "./attributes.ts";
import type { Settings } from "./options.ts";
import { structuredType } from "./structured.ts";

const text = { type: "string", minLength: 1 };
const required = ["specversion", "id", "source", "type"];

function attributeSchemas(type: string | undefined): Readonly<Record<string, object>> {
  return {
    specversion: { type: "string", const: specVersion },
    id: { ...text, description: "Unique among all events of one source." },
    source: { ...text, format: "uri-reference", description: "Who sent it." },
    type: { ...text, ...(type === undefined ? {} : { const: type }), description: "Selects the actor." },
    time: { type: "string", format: "date-time", description: "When it happened." },
    subject: { ...text, description: "What it is about." },
    dataschema: { ...text, format: "uri" },
  };
}

const body: EnvelopeBody = {
  contentType: structuredType,
  schema: (data, isJson, type) => ({
    type: "object",
    required,
    properties: {
      ...attributeSchemas(type),
      datacontenttype: text,
      ...(isJson ? { data } : { data: { type: "string" }, data_base64: { type: "string", contentEncoding: "base64" } }),
    },
  }),
  example: (data, isJson, type) => ({
    ...{ specversion: specVersion, id: "1", source: "/example", type: type ?? "example" },
    ...(isJson ? { datacontenttype: "application/json", data } : { data: String(data) }),
  }),
};

/** What documents say of the events of a server. */
export function documented(settings: Settings, wrap: Envelope<BrokerServer>["wrap"]): Envelope<BrokerServer> {
  const { mode, prefix } = settings;
  const headers = {
    type: "object",
    required: required.map((name) => `${prefix}${name}`),
    properties: Object.fromEntries(
      Object.entries(attributeSchemas(undefined)).map(([name, schema]) => [`${prefix}${name}`, schema]),
    ),
  };
  return {
    trait: {
      name: mode === "binary" ? "CloudEvents" : "CloudEventsStructured",
      title: `CloudEvents ${specVersion}, ${mode} mode`,
      summary: mode === "binary" ? "The attributes of the event are headers." : "The payload is the event, as JSON.",
      externalDocs: { url: "https://cloudevents.io" },
      ...(mode === "binary" ? { headers } : {}),
    },
    ...(mode === "structured" ? { body } : {}),
    owns: (header) => header.slice(0, viewPrefix.length).toLowerCase() === viewPrefix,
    wireName: (header) => {
      if (header.toLowerCase() !== typeHeader) return header;
      return mode === "binary" ? `${prefix}type` : undefined;
    },
    wrap,
  };
}
