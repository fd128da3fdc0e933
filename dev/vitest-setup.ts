import { createServer } from "node:http";
import { createBrokerHost } from "./broker-host.ts";
import { recipes, requiredBrokers } from "./recipes.ts";

/** The variable through which the test processes find this one. */
export const hostVariable = "MILLRACE_BROKER_HOST";

/**
 * The `globalSetup` of vitest: has the brokers of a test run, for all its processes. Those that MILLRACE_REQUIRE names are
 * started before the first test, the others when a test file asks for them, so that a run without brokers costs nothing.
 */
export async function setup(): Promise<() => Promise<void>> {
  const host = createBrokerHost((line) => console.log(line));
  const unknown = requiredBrokers().filter((name) => !(name in recipes) && name !== "chromium");
  if (unknown.length > 0) throw new Error(`MILLRACE_REQUIRE names ${unknown.join(", ")}: no such broker`);
  const required = requiredBrokers().filter((name) => recipes[name]?.kind === "process");
  const answers = await Promise.all(required.map(async (name) => ({ name, answer: await host.broker(name) })));
  const missing = answers.flatMap(({ name, answer }) =>
    "missing" in answer ? [`MILLRACE_REQUIRE names ${name}, which is not to be had: ${answer.missing}`] : [],
  );
  if (missing.length > 0) {
    await host.close();
    throw new Error(missing.join("\n"));
  }

  const server = createServer(async (request, response) => {
    const [, kind, name = ""] = (request.url ?? "").split("/");
    try {
      const answer = await (kind === "programs" ? host.program(name) : host.broker(name));
      response.end(JSON.stringify(answer));
    } catch (error) {
      response.end(JSON.stringify({ missing: String(error) }));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port for the brokers' host");
  process.env[hostVariable] = `http://127.0.0.1:${address.port}`;

  return async () => {
    server.close();
    server.closeAllConnections();
    await host.close();
  };
}
