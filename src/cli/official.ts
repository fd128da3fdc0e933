import { MissingPeerError } from "../index.ts";

/** What the official parser says of a document, if it is installed. */
export interface OfficialDiagnostic {
  readonly code: string;
  readonly severity: "error" | "warning" | "info" | "hint";
  readonly message: string;
  readonly path: readonly (string | number)[];
}

interface ParserLike {
  validate(document: string): Promise<
    readonly {
      readonly code: string | number;
      readonly severity: number;
      readonly message: string;
      readonly path: readonly (string | number)[];
    }[]
  >;
}

const severities = ["error", "warning", "info", "hint"] as const;

/** It reads files and addresses that a document refers to, unless something else answers first. */
const refusing = ["file", "http", "https"].map((schema) => ({ schema, order: -1, canRead: true, read: () => "{}" }));

interface ParserModule {
  readonly Parser: new (options: object) => ParserLike;
}

async function loadParser(): Promise<ParserModule> {
  try {
    return (await import("@asyncapi/parser")) as unknown as ParserModule;
  } catch (cause) {
    throw new MissingPeerError("npm i @asyncapi/parser", "The official validation", { cause });
  }
}

function isInstalled(): boolean {
  try {
    import.meta.resolve("@asyncapi/parser");
    return true;
  } catch {
    return false;
  }
}

/**
 * What the official parser finds in a document. `"auto"`: nothing where it is not installed. Errors: `MissingPeerError`
 * with `"required"`.
 */
export async function officialDiagnostics(
  document: object,
  mode: "auto" | "required" | "never",
): Promise<readonly OfficialDiagnostic[]> {
  if (mode === "never" || (mode === "auto" && !isInstalled())) return [];
  const { Parser } = await loadParser();
  const rules = { "asyncapi-latest-version": "off" as const };
  const options = { ruleset: { rules }, __unstable: { resolver: { cache: false, resolvers: refusing } } };
  const parser = new Parser(options);
  const found = await parser.validate(JSON.stringify(document));
  return found.map(({ code, severity, message, path }) => {
    return { code: String(code), severity: severities[severity] ?? "hint", message, path };
  });
}
