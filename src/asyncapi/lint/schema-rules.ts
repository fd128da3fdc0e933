import { schemaMistakes } from "../../json-schema/schema-mistakes.ts";
import { visitSchemas } from "../../json-schema/subschemas.ts";
import { unrepresentable } from "../schemas/library-options.ts";
import type { LintView } from "./lint-view.ts";

/** Schemas that can be meant as they are, and say all that there is to say. */
export function lintSchemas(view: LintView): void {
  for (const { value, path } of view.schemas) {
    for (const mistake of schemaMistakes(value)) {
      view.report("invalid-schema", "error", [...path, ...mistake.path], `This schema is wrong: ${mistake.message}.`);
    }
    visitSchemas(value, (schema, inner) => {
      const reason = schema[unrepresentable];
      if (typeof reason !== "string") return;
      view.report("unrepresentable-schema", "warning", [...path, ...inner], `The schema is incomplete: ${reason}.`);
    });
  }
}
