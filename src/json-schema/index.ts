export type { DocumentedSchema, JsonSchemaOptions } from "../server/schema.ts";
export type { AjvError, AjvLike, CompiledSchema } from "./ajv.ts";
export { type JsonSchemaSettings, jsonSchema } from "./json-schema.ts";
export { withJsonSchema } from "./with-json-schema.ts";
