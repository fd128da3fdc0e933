import { type Channel, defineChannel } from "../../contract/channel.ts";
import { defineOperation, type Operation } from "../../contract/operation.ts";
import { jsonSchema } from "../../json-schema/json-schema.ts";
import type { AnySchema } from "../../server/schema.ts";
import type { AsyncApiDocument } from "../document.ts";
import { createDefinitions, localSchema, neededDefinitions } from "./bundle-schema.ts";
import { type OperationSpec, operationSpecs, type SchemaUse } from "./operation-spec.ts";

/** The operations of a document, from the view of the application that it describes, by their keys. */
export interface Contract {
  readonly receive: Readonly<Record<string, Operation>>;
  readonly send: Readonly<Record<string, Operation>>;
}

const dialects: Readonly<Record<SchemaUse["dialect"], string | undefined>> = {
  "draft-07": undefined,
  "2019-09": "https://json-schema.org/draft/2019-09/schema",
  "2020-12": "https://json-schema.org/draft/2020-12/schema",
};

/** `$schema` of a schema, where it is not the usual one. */
export function schemaUri(use: SchemaUse): { readonly $schema?: string } {
  const uri = dialects[use.dialect];
  return uri === undefined ? {} : { $schema: uri };
}

/** One JSON Schema that stands for itself, with all that it refers to. */
function standAlone(use: SchemaUse): Record<string, unknown> {
  const definitions = createDefinitions();
  const names = new Set(use.places.flatMap((place) => neededDefinitions(place, definitions)));
  const made = Object.fromEntries(
    [...names].map((name) => [name, localSchema(definitions.placeOf(name), definitions)]),
  );
  const bodies = use.places.map((place) => localSchema(place, definitions));
  const body = bodies.length === 1 && typeof bodies[0] === "object" ? bodies[0] : { anyOf: bodies };
  return { ...schemaUri(use), ...body, ...(names.size > 0 ? { definitions: made } : {}) };
}

function schemaOf(use: SchemaUse | undefined): AnySchema | undefined {
  if (use === undefined) return undefined;
  return jsonSchema(use.places.length === 0 ? {} : standAlone(use));
}

function channelOf({ address, parameters }: OperationSpec): string | Channel {
  return parameters === undefined ? address : defineChannel({ address, parameters });
}

function operationOf(spec: OperationSpec): Operation {
  const { key, topic, messageName, docs, deprecated } = spec;
  return defineOperation({
    name: key,
    channel: channelOf(spec),
    ...(topic === undefined ? { topicHeader: false } : { topic: topic.value, topicHeader: topic.header }),
    payload: schemaOf(spec.payload),
    headers: schemaOf(spec.headers),
    reply: schemaOf(spec.reply),
    ...docs,
    ...(deprecated ? { deprecated } : {}),
    ...(messageName === undefined || messageName === key ? {} : { message: { name: messageName } }),
  });
}

/**
 * The operations of an AsyncAPI 3 document as values, their schemas validated by ajv. For types, generate a module with
 * `millrace asyncapi types` instead. References out of the document are refused. Errors: `OptionError`, `MissingPeerError`.
 *
 * @example await app.send(contractOf(document).receive.createOrder!, { id: "1" });
 */
export function contractOf(document: AsyncApiDocument): Contract {
  const specs = operationSpecs(document);
  const by = (action: OperationSpec["action"]): Record<string, Operation> =>
    Object.fromEntries(specs.filter((spec) => spec.action === action).map((spec) => [spec.key, operationOf(spec)]));
  return { receive: by("receive"), send: by("send") };
}
