import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createBrokerHost } from "../dev/broker-host.ts";
import { debianMirrors } from "../dev/debian-mirrors.ts";
import { setup } from "../dev/vitest-setup.ts";
import { requireBroker } from "./brokers.ts";

let etc: string;
beforeEach(() => {
  etc = mkdtempSync(join(tmpdir(), "millrace-apt-"));
  mkdirSync(join(etc, "sources.list.d"));
  vi.stubEnv("MILLRACE_DEBIAN_MIRROR", undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(etc, { recursive: true });
});

const uris = (): readonly string[] => debianMirrors(etc).map(({ uri }) => uri);

test("mirrors: without apt sources it is Debian's own", () => {
  expect(uris()).toEqual(["http://deb.debian.org/debian"]);
});

test("mirrors: those of the machine come first, other archives are left out", () => {
  writeFileSync(
    join(etc, "sources.list"),
    `# deb http://commented.example/debian bookworm main
deb [arch=amd64 trusted=yes] http://mirror.example/debian/ bookworm main contrib # near
deb-src http://source.example/debian bookworm main
deb http://mirror.example/debian-security bookworm-security main
deb http://elsewhere.example/apt nodistro main
deb http://ports.example/ubuntu noble main`,
  );
  expect(debianMirrors(etc)[0]).toEqual({ uri: "http://mirror.example/debian", options: ["trusted=yes"] });
  expect(uris()).toEqual(["http://mirror.example/debian", "http://deb.debian.org/debian"]);
});

test("mirrors: sources in fields, with several addresses, switched off, and with a key of their own", () => {
  writeFileSync(
    join(etc, "sources.list.d", "debian.sources"),
    `# near
Types: deb deb-src
URIs: http://other.example/packages
 http://one.example/debian
Suites: trixie trixie-updates
Components: main
Signed-By: /etc/apt/keyrings/own.gpg

Types: deb
URIs: http://off.example/debian
Suites: trixie
Components: main
Enabled: no`,
  );
  expect(debianMirrors(etc).slice(0, 2)).toEqual([
    { uri: "http://one.example/debian", options: ["signed-by=/etc/apt/keyrings/own.gpg"] },
    { uri: "http://other.example/packages", options: ["signed-by=/etc/apt/keyrings/own.gpg"] },
  ]);
  expect(uris()).not.toContain("http://off.example/debian");
});

test("mirrors: MILLRACE_DEBIAN_MIRROR is the only one", () => {
  writeFileSync(join(etc, "sources.list"), "deb http://mirror.example/debian bookworm main");
  vi.stubEnv("MILLRACE_DEBIAN_MIRROR", "http://named.example/debian");
  expect(uris()).toEqual(["http://named.example/debian"]);
});

test("a broker that is not to be had is printed once, with the reason", async () => {
  vi.stubEnv("MILLRACE_REQUIRE", "memory");
  vi.stubEnv("MILLRACE_REDIS_URL", "redis://127.0.0.1:1");
  const printed: string[] = [];
  const host = createBrokerHost((line) => printed.push(line));
  const answers = await Promise.all([host.broker("redis"), host.broker("redis")]);
  expect(answers).toEqual([answers[0], { missing: expect.stringContaining("ECONNREFUSED") as string }]);
  expect(printed).toEqual([expect.stringMatching(/^redis +SKIPPED: .*ECONNREFUSED.*MILLRACE_REDIS_URL/)]);
});

test("a broker that is required and not to be had ends the run with one sentence", async () => {
  vi.stubEnv("MILLRACE_REQUIRE", "memory,redis");
  vi.stubEnv("MILLRACE_REDIS_URL", "redis://127.0.0.1:1");
  await expect(setup()).rejects.toThrow(/^MILLRACE_REQUIRE names redis, which is not to be had: .*ECONNREFUSED.*$/);
  vi.stubEnv("MILLRACE_REQUIRE", "redsi");
  await expect(setup()).rejects.toThrow("MILLRACE_REQUIRE names redsi: no such broker");
});

test("embedded ones are always there, unknown ones are a mistake", async () => {
  expect(await requireBroker("sqlite")).toEqual({ name: "sqlite", url: undefined, version: undefined });
  await expect(requireBroker("redsi")).rejects.toThrow("no recipe for broker redsi");
});
