import type { AsyncApiDocument } from "../document.ts";
import { lintChannels } from "./channel-rules.ts";
import type { LintFinding } from "./lint-finding.ts";
import { LintView } from "./lint-view.ts";
import { lintMessages, lintOperations } from "./message-rules.ts";
import { lintNames } from "./name-rules.ts";
import { lintReferences, lintUnused } from "./reference-rules.ts";
import { lintSchemas } from "./schema-rules.ts";
import { lintCredentials, lintServers } from "./server-rules.ts";

const rules = [
  lintServers,
  lintCredentials,
  lintChannels,
  lintOperations,
  lintMessages,
  lintSchemas,
  lintReferences,
  lintUnused,
  lintNames,
];

/**
 * Finds what the official validator lets pass: channels without address, parameters that nobody declared, credentials,
 * examples that do not fit their schema, components that nothing uses, and so on. For documents of any origin. It does
 * not look for what the official validator finds (objects of the wrong form). Nothing is fetched.
 */
export function lintDocument(document: AsyncApiDocument): readonly LintFinding[] {
  const view = new LintView(document);
  for (const rule of rules) rule(view);
  return view.findings;
}
