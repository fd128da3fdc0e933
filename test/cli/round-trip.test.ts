import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createProject, type Project } from "./project.ts";

/**
 * app -> document -> generated client, compiled under strict -> message -> handler: each step by another process, as users
 * would do it.
 */
let project: Project;
beforeAll(() => {
  project = createProject();
  const app = readFileSync(fileURLToPath(new URL("fixtures/orders.ts", import.meta.url)), "utf8");
  project.write({ "app.ts": app });
});
afterAll(() => project.remove());

const strictest = {
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noPropertyAccessFromIndexSignature: true,
  noImplicitReturns: true,
};

const program = `
import { createApp } from "millrace";
import { contract, createOrder, type Money } from "./client.ts";
import { app as service } from "./app.ts";

const total: Money = { amount: 5, currency: "EUR" };
// The broker is in the memory of one process, so the other side is an app beside it on the same server.
const client = createApp({ server: service.servers.default, logger: false });
const working = service.run({ messagesLimit: 1, signals: [] });
const reply = await client.request(
  contract.receive["create-order"],
  { id: "1", total, lines: [{ sku: "a" }], note: null },
  { headers: { "x-tenant": "t" }, timeout: "5s" },
);
const amount: number = reply.total.amount;
const { acked } = await working;
// @ts-expect-error the field is missing
const wrong = await client.send(createOrder, { id: "1" }, { headers: { "x-tenant": "t" } }).catch((error) => error);
await client.close();
console.log(JSON.stringify({ reply, amount, acked, wrong: wrong.code }));
`;

describe("round trip", { timeout: 60_000 }, () => {
  test("what an app exports becomes a client that its handlers understand", async () => {
    expect(await project.millrace("asyncapi", "export", "./app.ts", "--out", "asyncapi.json")).toMatchObject({
      code: 0,
    });
    expect(await project.millrace("asyncapi", "types", "asyncapi.json", "--out", "client.ts")).toMatchObject({
      code: 0,
    });
    project.write({ "program.ts": program });
    expect(await project.tsc(strictest, "program.ts")).toBe("");
    expect(readFileSync(join(project.folder, "client.ts"), "utf8")).not.toMatch(/\bany\b/);
    const { stdout, stderr, code } = await project.node("program.ts");
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    expect(JSON.parse(stdout.trim().split("\n").at(-1) as string)).toEqual({
      reply: { accepted: true, total: { amount: 5, currency: "EUR" } },
      amount: 5,
      acked: 1,
      wrong: "VALIDATION_FAILED",
    });
  });

  test("the document of what is implemented from a document is compatible with it", async () => {
    const service = `
      import { createApp } from "millrace";
      import { implement } from "millrace/asyncapi";
      import { inMemory } from "millrace/memory";
      import { contract } from "./client.ts";
      const router = implement(contract, {
        "create-order": ({ payload }) => ({ accepted: payload.lines.length > 0, total: payload.total }),
        audit: { retry: 3, handler: ({ message }) => message.id },
      });
      export default createApp({ title: "Orders", version: "1.2.0", server: inMemory(), logger: false }).include(router);`;
    project.write({ "service.ts": service });
    expect(await project.tsc(strictest, "service.ts")).toBe("");
    const { stdout, code } = await project.millrace("asyncapi", "diff", "./app.ts", "./service.ts", "--fail-on", "any");
    expect(
      stdout.split("\n").filter((line) => !line.includes("annotation") && /^(breaking|compatible)/.test(line)),
    ).toEqual([]);
    expect(code).toBeLessThan(2);
  });

  test("handlers that are missing or too many do not compile, and are refused at the start", async () => {
    const service = `
      import { implement } from "millrace/asyncapi";
      import { contract } from "./client.ts";
      // @ts-expect-error one handler is missing
      implement(contract, { audit: () => {} });`;
    project.write({ "missing.ts": service });
    expect(await project.tsc({}, "missing.ts")).toBe("");
    const { stderr } = await project.node("missing.ts");
    expect(stderr).toContain('no handler for "create-order"');
  });

  test("the same document gives the same text", async () => {
    const again = await project.millrace("asyncapi", "types", "./app.ts");
    expect(again.stdout).toBe(readFileSync(join(project.folder, "client.ts"), "utf8"));
  });
});
