import { createRequire } from "node:module";
import { MissingPeerError, OptionError } from "../server/errors.ts";

/** What is used of ajv, so that the declarations of this package do not need it. */
export interface AjvLike {
  compile(schema: object): CompiledSchema;
}

/** Answers whether a value fits, and keeps the reasons against the last one that did not. */
export interface CompiledSchema {
  (value: unknown): unknown;
  readonly errors?: readonly AjvError[] | null;
}

export interface AjvError {
  readonly instancePath: string;
  readonly message?: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
}

type AjvClass = new (options: object) => AjvLike;

const command = "npm i ajv ajv-formats";

function load(name: string): unknown {
  // Not import(): validation must not wait for anything, not even the first time.
  const require = createRequire(import.meta.url);
  try {
    const module = require(name) as { readonly default?: unknown };
    return module.default ?? module;
  } catch (cause) {
    throw new MissingPeerError(command, `jsonSchema() with ${name.split("/")[0]}`, { cause });
  }
}

/** Which dialects there are, by what `$schema` says of them, and the module of ajv that knows them. */
const dialects: readonly (readonly [pattern: RegExp, target: string, module: string])[] = [
  [/draft-0[67]/, "draft-07", "ajv"],
  [/2019-09/, "draft-2019-09", "ajv/dist/2019.js"],
  [/2020-12/, "draft-2020-12", "ajv/dist/2020.js"],
];

/** The dialect that a schema declares; without `$schema` draft-07, which is what documents are written in. */
export function dialectOf(schema: object): { readonly target: string; readonly module: string } {
  const declared = (schema as { readonly $schema?: unknown }).$schema;
  if (declared === undefined) return { target: "draft-07", module: "ajv" };
  for (const [pattern, target, module] of dialects) {
    if (typeof declared === "string" && pattern.test(declared)) return { target, module };
  }
  throw new OptionError(`jsonSchema() knows draft-07, 2019-09 and 2020-12, not $schema ${JSON.stringify(declared)}.`);
}

/** An ajv of our settings. It neither changes values nor logs. Errors: `MissingPeerError`. */
export function createAjv(module: string, formats: boolean): AjvLike {
  const Ajv = load(module) as AjvClass;
  const ajv = new Ajv({ strict: false, logger: false, validateFormats: formats });
  if (formats) (load("ajv-formats") as (ajv: AjvLike) => void)(ajv);
  return ajv;
}

/** Refuses at once when a package is missing, without loading it. Errors: `MissingPeerError`. */
export function requirePeers(formats: boolean): void {
  const { resolve } = createRequire(import.meta.url);
  for (const name of formats ? ["ajv", "ajv-formats"] : ["ajv"]) {
    try {
      resolve(name);
    } catch (cause) {
      throw new MissingPeerError(command, `jsonSchema() with ${name}`, { cause });
    }
  }
}
