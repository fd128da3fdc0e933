import { recipes } from "../dev/recipes.ts";
import { running } from "../dev/running.ts";

/** A broker a test can use. `url` is undefined for the embedded ones. */
export interface TestBroker {
  readonly name: string;
  readonly url: string | undefined;
}

const printed = new Set<string>();

/**
 * The broker of that name, from its URL variable or from `dev/brokers up`. Where it is not there: undefined and a printed
 * reason, so that a skip is seen, or an error if MILLRACE_REQUIRE names it, so that a green run cannot mean "nothing ran".
 *
 *     const redis = requireBroker("redis");
 *     describe.skipIf(redis === undefined)("redis", () => { … });
 */
export function requireBroker(name: string): TestBroker | undefined {
  const recipe = recipes[name];
  if (recipe === undefined) throw new Error(`no recipe for broker ${name} in dev/recipes.ts`);
  if (recipe.kind === "embedded") return { name, url: undefined };
  const url = process.env[recipe.variable] || running(name)?.url;
  if (url) return { name, url };
  const why = `${name}: not running (start it with dev/brokers up ${name}, or set ${recipe.variable})`;
  if ((process.env["MILLRACE_REQUIRE"] ?? "").split(",").includes(name)) {
    throw new Error(`${why}; MILLRACE_REQUIRE names it`);
  }
  if (!printed.has(name)) console.warn(`SKIPPED ${why}`);
  printed.add(name);
  return undefined;
}
