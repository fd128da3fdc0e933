/** What lint looks for. */
export type LintRule =
  | "address-characters"
  | "credentials"
  | "duplicate-address"
  | "duplicate-name"
  | "duplicate-schema"
  | "external-reference"
  | "foreign-message"
  | "headers-object"
  | "invalid-example"
  | "invalid-expression"
  | "invalid-host"
  | "invalid-key"
  | "invalid-schema"
  | "missing-address"
  | "undeclared-parameter"
  | "undeclared-variable"
  | "unrepresentable-schema"
  | "unresolved-reference"
  | "unused-component"
  | "unused-message"
  | "unused-parameter";

/** `error`: the document is wrong or dangerous. `warning`: surely not meant. `info`: worth a look. */
export type LintSeverity = "error" | "warning" | "info";

/** Something in a document that a reader or a tool will stumble over. */
export interface LintFinding {
  readonly rule: LintRule;
  readonly severity: LintSeverity;
  /** JSON pointer of the place, such as `/channels/orders/address`. */
  readonly path: string;
  readonly message: string;
}
