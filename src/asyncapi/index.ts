export { serveDocs } from "../http/docs-server.ts";
export { type Contract, contractOf } from "./contract-first/contract.ts";
export { emitOperations } from "./contract-first/emit-operations.ts";
export {
  type Implementation,
  type ImplementationHandler,
  type ImplementationOptions,
  type Implementations,
  implement,
} from "./contract-first/implement.ts";
export type { Change, ChangeCode, Direction, Severity } from "./diff/change.ts";
export { type DiffOptions, diffDocuments } from "./diff/diff-documents.ts";
export type { AsyncApiDocument, AsyncApiVersion } from "./document.ts";
export { lintDocument } from "./lint/lint-document.ts";
export type { LintFinding, LintRule, LintSeverity } from "./lint/lint-finding.ts";
