import { type BrokerHost, createBrokerHost, type Missing } from "../dev/broker-host.ts";
import { type Program, recipes, requiredBrokers } from "../dev/recipes.ts";
import { hostVariable } from "../dev/vitest-setup.ts";

/** A broker a test can use. `url` is undefined for the embedded ones. */
export interface TestBroker {
  readonly name: string;
  readonly url: string | undefined;
  /** What it says it is: "Redis 7.0.15". */
  readonly version: string | undefined;
}

/**
 * The broker of that name: from its URL variable, from `dev/brokers up`, or started for this test run. Where it is not to
 * be had: undefined and a printed reason, so that a skip is seen, or an error if MILLRACE_REQUIRE names it, so that a green
 * run cannot mean "nothing ran".
 *
 *     const redis = await requireBroker("redis");
 *     describe.skipIf(redis === undefined)("redis", () => { … });
 */
export async function requireBroker(name: string): Promise<TestBroker | undefined> {
  const recipe = recipes[name];
  if (recipe === undefined) throw new Error(`no recipe for broker ${name} in dev/recipes.ts`);
  if (recipe.kind === "embedded") return { name, url: undefined, version: undefined };
  const answer = await ask(name, "brokers", (host) => host.broker(name));
  return answer && { name, ...answer };
}

/** The program of that broker, for tests that start one of their own. Without it as with `requireBroker`. */
export function requireProgram(name: string): Promise<Program | undefined> {
  return ask(name, "programs", (host) => host.program(name));
}

let own: BrokerHost | undefined;

/** The process that runs the tests has the brokers, for all test processes. Outside of it, this one has its own. */
async function ask<T extends object>(
  name: string,
  kind: "brokers" | "programs",
  get: (host: BrokerHost) => Promise<T | Missing>,
): Promise<T | undefined> {
  const url = process.env[hostVariable];
  own ??= url === undefined ? createBrokerHost((line) => console.log(line)) : undefined;
  const answer = own ? await get(own) : ((await (await fetch(`${url}/${kind}/${name}`)).json()) as T | Missing);
  if (!("missing" in answer)) return answer;
  if (!requiredBrokers().includes(name)) return undefined;
  throw new Error(`MILLRACE_REQUIRE names ${name}, which is not to be had: ${answer.missing}`);
}
