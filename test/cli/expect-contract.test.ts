import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createApp } from "millrace";
import { inMemory } from "millrace/memory";
import { expectContract } from "millrace/testing";
import { afterAll, describe, expect, test } from "vitest";
import * as z from "zod";

const folder = mkdtempSync(join(tmpdir(), "millrace-contract-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function appWith(payload: z.ZodType) {
  const app = createApp({ server: inMemory(), title: "Orders", logger: false });
  app.actor({ name: "create", payload }, () => {});
  return app;
}

const [first, narrower] = [
  appWith(z.object({ a: z.string() })),
  appWith(z.object({ a: z.string().max(3), b: z.int() })),
];

describe("expectContract", () => {
  test("writes the file when there is none, and then holds on to it", async () => {
    const path = join(folder, "first.json");
    await expectContract(first, { env: {} }).toMatchFile(path);
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(first.asyncapi());
    writeFileSync(path, JSON.stringify(first.asyncapi()));
    await expectContract(first, { env: { CI: "true" } }).toMatchFile(pathToFileURL(path));
  });

  test("fails with every difference and what it means", async () => {
    const path = join(folder, "changed.json");
    await expectContract(first, { env: {} }).toMatchFile(path);
    const failing = expectContract(narrower, { env: {} }).toMatchFile(path);
    await expect(failing).rejects.toThrow(/2 breaking, 1 compatible, 0 annotation/);
    await expect(failing).rejects.toThrow(/breaking: create \(receive\) payload: property "b" is required now/);
    await expect(failing).rejects.toThrow(/MILLRACE_UPDATE=1/);
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(first.asyncapi());
  });

  test("MILLRACE_UPDATE=1 writes the file, but never in CI", async () => {
    const path = join(folder, "updated.json");
    await expectContract(first, { env: {} }).toMatchFile(path);
    const inCi = expectContract(narrower, { env: { MILLRACE_UPDATE: "1", CI: "1" } });
    await expect(inCi.toMatchFile(path)).rejects.toThrow(/breaking/);
    await expectContract(narrower, { env: { MILLRACE_UPDATE: "1", CI: "false" } }).toMatchFile(path);
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(narrower.asyncapi());
  });

  test("in CI a missing file is a failure, not a new file", async () => {
    const missing = expectContract(first, { env: { CI: "1" } }).toMatchFile(join(folder, "missing.json"));
    await expect(missing).rejects.toThrow(/There is no/);
  });

  test("a damaged file is named, not overwritten", async () => {
    const path = join(folder, "damaged.json");
    writeFileSync(path, "{");
    await expect(expectContract(first, { env: { MILLRACE_UPDATE: "1" } }).toMatchFile(path)).rejects.toThrow(/no JSON/);
    expect(readFileSync(path, "utf8")).toBe("{");
  });
});
