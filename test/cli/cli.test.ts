import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { stdoutColours } from "../../src/cli/colours.ts";
import { runCli } from "../../src/cli/main.ts";
import { createProject, type Project } from "./project.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-cli-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function millrace(
  args: readonly string[],
  more: { colour?: boolean; signal?: AbortSignal; seen?: (text: string) => void } = {},
): Promise<Result> {
  let [out, err] = ["", ""];
  const code = await runCli(["asyncapi", ...args], {
    out: async (text) => {
      out += text;
      more.seen?.(text);
    },
    err: (text) => {
      err += text;
    },
    cwd: folder,
    colour: more.colour ?? false,
    signal: more.signal ?? new AbortController().signal,
  });
  return { code, out, err };
}

const document = (id: object) => ({
  asyncapi: "3.1.0",
  info: { title: "T", version: "1" },
  defaultContentType: "application/json",
  channels: { c: { address: "c", messages: { m: { payload: { type: "object", properties: { id } } } } } },
  operations: {
    o: { action: "receive", channel: { $ref: "#/channels/c" }, messages: [{ $ref: "#/channels/c/messages/m" }] },
  },
});
const [old, wider, narrower] = [{ type: "string" }, { type: ["string", "null"] }, { type: "string", maxLength: 3 }];

beforeAll(() => {
  for (const [name, id] of Object.entries({ old, wider, narrower }))
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(document(id)));
  writeFileSync(join(folder, "old.yaml"), "asyncapi: 3.1.0\ninfo: { title: T, version: '1' }\n");
  writeFileSync(join(folder, "broken.json"), "{");
  writeFileSync(join(folder, "two.json"), '{"asyncapi":"2.6.0"}');
});

describe("usage", () => {
  test.each([
    [["--help"], 0],
    [["diff", "--help"], 0],
    [["nonsense"], 2],
    [[], 2],
    [["diff", "old.json"], 2],
    [["diff", "old.json", "wider.json", "more.json"], 2],
    [["diff", "--frobnicate", "a", "b"], 2],
    [["diff", "old.json", "wider.json", "--format", "xml"], 2],
    [["diff", "old.json", "wider.json", "--json", "--format", "markdown"], 2],
    [["diff", "--base", "-x:old.json", "old.json"], 2],
    [["serve", "old.json", "--port", "99999"], 2],
    [["diff", "none.json", "old.json"], 3],
    [["validate", "broken.json"], 3],
    [["validate", "two.json"], 3],
    [["export", "./none.ts"], 3],
    [["types", "old.json", "--out", "no/such/folder/x.ts"], 3],
  ])("%j ends with %i", async (args, code) => {
    const result = await millrace(args);
    expect(result.code).toBe(code);
    if (code === 0) expect(result.out).toMatch(/^Usage: millrace asyncapi/);
    else {
      expect(result.out).toBe("");
      expect(result.err).toMatch(/^millrace: [^\n]+\n(millrace --help tells more\n)?$/);
    }
  });

  test("--debug adds the stack of the error and of its causes", async () => {
    const { err } = await millrace(["validate", "none.json", "--debug"]);
    expect(err).toMatch(/^millrace: cannot read none\.json[^\n]*\n[\s\S]* {4}at .*\n[\s\S]*caused by: /);
  });

  test("colours are for terminals whose owner likes them", () => {
    expect(stdoutColours(true, {})).toBe(true);
    expect(stdoutColours(false, {})).toBe(false);
    expect(stdoutColours(true, { NO_COLOR: "1" })).toBe(false);
    expect(stdoutColours(true, { TERM: "dumb" })).toBe(false);
  });
});

describe("diff", () => {
  test.each([
    ["wider.json", [], 0],
    ["narrower.json", [], 1],
    ["wider.json", ["--fail-on", "any"], 1],
    ["old.json", ["--fail-on", "any"], 0],
    ["narrower.json", ["--fail-on", "none"], 0],
    ["narrower.json", ["--ignore", "schema-bound"], 0],
  ])("old.json %s %j ends with %i", async (now, options, code) => {
    expect((await millrace(["diff", "old.json", now, ...options])).code).toBe(code);
  });

  test("tells the same in four formats", async () => {
    const run = async (...options: string[]) => (await millrace(["diff", "old.json", "narrower.json", ...options])).out;
    const place = "/channels/c/messages/m/payload/properties/id/maxLength";
    expect(await run()).toBe(
      `breaking   o (receive) payload.id: maxLength 3 applies now\n           schema-bound at ${place}\n1 breaking, 0 compatible, 0 annotation\n`,
    );
    expect(JSON.parse(await run("--json"))).toMatchObject({ changes: [{ severity: "breaking", pointer: place }] });
    expect(await run("--format", "markdown")).toContain(
      `| breaking | o (receive) | payload.id: maxLength 3 applies now | schema-bound | ${place} |`,
    );
    expect(await run("--format", "github")).toContain(
      "::error file=narrower.json,title=AsyncAPI%3A breaking change (schema-bound)::o (receive) payload.id",
    );
  });

  test("colours only where they are wanted, and not in files", async () => {
    const coloured = await millrace(["diff", "old.json", "narrower.json"], { colour: true });
    expect(coloured.out).toContain("\u001b[31mbreaking");
    await millrace(["diff", "old.json", "narrower.json", "--out", "report.txt"], { colour: true });
    expect(readFileSync(join(folder, "report.txt"), "utf8")).not.toContain("\u001b");
  });

  test("compares with a revision of git", async () => {
    const git = (...args: string[]): void =>
      void execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...args], {
        cwd: folder,
        stdio: "pipe",
      });
    git("init", "-q");
    git("add", "old.json");
    git("commit", "-q", "-m", "one");
    expect((await millrace(["diff", "--base", "HEAD:old.json", "narrower.json"])).code).toBe(1);
    expect(await millrace(["diff", "--base", "HEAD:none.json", "old.json"])).toMatchObject({ code: 3, out: "" });
  });
});

describe("validate", () => {
  test("lists what lint and the official parser find, as text and as JSON", async () => {
    const channels = { c: { messages: { m: { payload: { type: "string" }, examples: [{ payload: 7 }] } } } };
    writeFileSync(join(folder, "poor.json"), JSON.stringify({ ...document({}), channels }));
    const { code, out } = await millrace(["validate", "poor.json"]);
    expect(code).toBe(1);
    expect(out).toMatch(/\/channels\/c.*\(missing-address\)/);
    const { findings } = JSON.parse((await millrace(["validate", "poor.json", "--json"])).out);
    expect(findings).toContainEqual(expect.objectContaining({ source: "millrace", rule: "missing-address" }));
    expect((await millrace(["validate", "poor.json", "--fail-on", "none"])).code).toBe(0);
  }, 60_000);

  test("the official parser speaks, and is kept from reading files", async () => {
    writeFileSync(join(folder, "secret.json"), JSON.stringify({ type: "bogus-secret" }));
    const wrong = { ...document({ $ref: "./secret.json" }), operations: { o: { action: "shout" } } };
    writeFileSync(join(folder, "wrong.json"), JSON.stringify(wrong));
    const { out, code } = await millrace(["validate", "wrong.json", "--json"]);
    expect(code).toBe(1);
    expect(out).toContain('"source": "official"');
    expect(out).not.toContain("bogus-secret");
    expect((await millrace(["validate", "wrong.json", "--json", "--official", "never"])).out).not.toContain(
      '"official"',
    );
  }, 60_000);
});

describe("sources", () => {
  test("YAML is read", async () => {
    expect((await millrace(["diff", "old.yaml", "old.yaml"])).out).toBe("no differences\n");
  });

  test("a running service is asked, and its errors are told", async () => {
    const server = createServer((request, response) => {
      if (request.url === "/private" && request.headers.authorization !== "Basic dTpw")
        return response.writeHead(401).end();
      if (request.url !== "/asyncapi.json" && request.url !== "/private") return response.writeHead(404).end();
      return response.end(JSON.stringify(document(old)));
    });
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { code, out } = await millrace(["types", `${url}/asyncapi.json`]);
    expect({ code, out }).toMatchObject({
      code: 0,
      out: expect.stringContaining("export const o = defineOperation({"),
    });
    expect((await millrace(["types", `${url.replace("//", "//u:p@")}/private`])).code).toBe(0);
    const missing = await millrace(["types", `${url.replace("//", "//user:secret@")}/x`]);
    expect(missing.code).toBe(3);
    expect(missing.err).not.toContain("secret");
    await new Promise((resolve) => void server.close(resolve));
    expect((await millrace(["types", `${url}/asyncapi.json`])).err).toMatch(/^millrace: cannot read http:[^\n]+\n$/);
  });
});

describe("serve", () => {
  test("shows the document until it is told to end", async () => {
    const ending = new AbortController();
    let tell: (url: string) => void = () => {};
    const listening = new Promise<string>((resolve) => {
      tell = resolve;
    });
    const serving = millrace(["serve", "old.json", "--port", "0", "--json"], { signal: ending.signal, seen: tell });
    const { url } = JSON.parse(await listening) as { readonly url: string };
    expect(await (await fetch(`${url}asyncapi.json`)).json()).toEqual(document(old));
    expect(await (await fetch(url)).text()).toContain("<!doctype html>");
    ending.abort();
    expect((await serving).code).toBe(0);
    await expect(fetch(url)).rejects.toThrow();
  });
});

describe("as a process", { timeout: 60_000 }, () => {
  let project: Project;
  beforeAll(() => {
    project = createProject();
    const app = readFileSync(new URL("fixtures/orders.ts", import.meta.url), "utf8");
    project.write({
      "app.ts": app,
      "named.ts": `${app.replace("export const app", "const app")}\nexport { app as orders };`,
      "throws.ts": "throw new Error('no\\nway');",
      "busy.ts": `${app}\nsetInterval(() => {}, 1000);`,
    });
  });
  afterAll(() => project.remove());

  test("only results are on stdout, and a module that stays busy does not keep it", async () => {
    const { stdout, stderr, code } = await project.millrace("asyncapi", "export", "./busy.ts");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ info: { title: "Orders" } });
    expect(stderr).toBe("a module may print what it likes\n");
  });

  test("an app by the name of its export, as YAML", async () => {
    const { stdout, code } = await project.millrace(
      "asyncapi",
      "export",
      "named.ts",
      "--export",
      "orders",
      "--format",
      "yaml",
    );
    expect(code).toBe(0);
    expect(parse(stdout)).toMatchObject({ asyncapi: "3.1.0", info: { title: "Orders" } });
    expect(await project.millrace("asyncapi", "export", "named.ts")).toMatchObject({ code: 3, stdout: "" });
  });

  test("an app that cannot be loaded is one line", async () => {
    const { stderr, code } = await project.millrace("asyncapi", "export", "throws.ts");
    expect({ stderr, code }).toEqual({ stderr: "millrace: cannot load throws.ts: no\n", code: 3 });
  });

  test("what a module does later is a failure, not a finding", async () => {
    project.write({
      "later.ts": "setImmediate(() => { throw new Error('later'); }); await new Promise((r) => setTimeout(r, 5000));",
    });
    const { stderr, code } = await project.millrace("asyncapi", "validate", "later.ts");
    expect({ stderr, code }).toEqual({ stderr: "millrace: a loaded module failed: later\n", code: 3 });
  });

  test("--version", async () => {
    expect((await project.millrace("--version")).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
