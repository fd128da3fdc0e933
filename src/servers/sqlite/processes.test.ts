import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { sqlite } from "./index.ts";

let folder: string;
let path: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-sqlite-"));
  path = join(folder, "jobs.db");
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

const prelude = `
import { sqlite } from ${JSON.stringify(new URL("./index.ts", import.meta.url).href)};
const [path, ...args] = process.argv.slice(1);
const server = sqlite({ path, leaseDuration: "1s", sweepInterval: 200 });
await server.connect();
const say = (line) => process.stdout.write(line + "\\n");
const message = (id) => ({ id, payload: Buffer.from(id), headers: {}, contentType: undefined, replyTo: undefined });
`;

/** Prints the id of every message before it settles it. */
const worker = `${prelude}
await server.subscribe({ channels: [{ name: "jobs" }], maxUnsettled: 50, onStateChange() {}, async onDelivery(delivery) {
  await new Promise((resolve) => setTimeout(resolve, 2 + Math.random() * 10));
  say(delivery.id);
  await delivery.settle("ack");
} });
say("started");
`;

/** Prints the id of every message that was confirmed. */
const producer = `${prelude}
const name = args[0];
for (let i = 0; i < 10_000; i += 10) {
  const ids = Array.from({ length: 10 }, (_, k) => name + "-" + (i + k));
  await Promise.all(ids.map(async (id) => { await server.publish("jobs", message(id)); say(id); }));
}
`;

function run(code: string, onLine: (line: string) => void, ...args: string[]): ChildProcess {
  const child = spawn(process.execPath, ["--input-type=module", "--no-warnings", "-e", code, path, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  createInterface({ input: child.stdout }).on("line", onLine);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, "close");
  child.kill("SIGKILL");
  await gone;
}

function integrity(): unknown {
  const db = new DatabaseSync(path);
  try {
    return db.prepare("PRAGMA integrity_check").get();
  } finally {
    db.close();
  }
}

const ok = { integrity_check: "ok" };

async function sendAll(count: number): Promise<Set<string>> {
  const server = sqlite({ path });
  await server.connect();
  const ids = new Set(Array.from({ length: count }, (_, i) => `m${i}`));
  await Promise.all(
    [...ids].map((id) =>
      server.publish("jobs", { id, payload: Buffer.from(id), headers: {}, contentType: undefined, replyTo: undefined }),
    ),
  );
  await server.disconnect();
  return ids;
}

describe("several processes on one file", () => {
  test("a worker killed again and again in mid-batch loses nothing", { timeout: 60_000 }, async () => {
    const sent = await sendAll(2000);
    const seen = new Set<string>();
    for (let round = 0; round < 6; round += 1) {
      let lines = 0;
      const child = run(worker, (line) => {
        lines += 1;
        seen.add(line);
      });
      await vi.waitFor(() => expect(lines).toBeGreaterThan(60), { timeout: 20_000, interval: 5 });
      await kill(child);
      expect(integrity()).toMatchObject(ok);
    }
    run(worker, (line) => seen.add(line));
    await vi.waitFor(() => expect([...sent].filter((id) => !seen.has(id))).toEqual([]), {
      timeout: 30_000,
      interval: 50,
    });
  });

  test("a producer killed in mid-send loses nothing that was confirmed", { timeout: 60_000 }, async () => {
    const confirmed = new Set<string>();
    for (let round = 0; round < 5; round += 1) {
      const before = confirmed.size;
      const child = run(producer, (line) => confirmed.add(line), `p${round}`);
      await vi.waitFor(() => expect(confirmed.size - before).toBeGreaterThan(200), { timeout: 20_000, interval: 5 });
      await kill(child);
    }
    expect(integrity()).toMatchObject(ok);
    const db = new DatabaseSync(path);
    const stored = new Set(
      db
        .prepare("SELECT id FROM millrace_message")
        .all()
        .map((row) => row["id"]),
    );
    db.close();
    expect([...confirmed].filter((id) => !stored.has(id))).toEqual([]);
  });

  test("what a killed worker held is delivered again once its lease has run out, and counted", {
    timeout: 30_000,
  }, async () => {
    await sendAll(1);
    const hang = `${prelude}
      await server.subscribe({ channels: [{ name: "jobs" }], maxUnsettled: 1, onStateChange() {}, onDelivery: () => say("held") });`;
    let held = false;
    const child = run(hang, () => {
      held = true;
    });
    await vi.waitFor(() => expect(held).toBe(true), { timeout: 10_000 });
    await kill(child);
    const server = sqlite({ path, leaseDuration: "1s", sweepInterval: 100 });
    await server.connect();
    try {
      const delivery = await new Promise<{
        id: string | undefined;
        deliveryCount: number | undefined;
        lapses?: number | undefined;
      }>((resolve) => {
        void server.subscribe({
          channels: [{ name: "jobs" }],
          maxUnsettled: 1,
          onDelivery: resolve,
          onStateChange: () => {},
        });
      });
      expect(delivery).toMatchObject({ id: "m0", deliveryCount: 2, lapses: 1 });
    } finally {
      await server.disconnect();
    }
  });

  test("four workers and two producers compete: everything once, nothing lost", { timeout: 60_000 }, async () => {
    const expected = 2 * 2000;
    const seen = new Map<string, number>();
    const confirmed = new Set<string>();
    const short = producer.replace("10_000", "2000");
    for (let i = 0; i < 4; i += 1) {
      run(worker, (line) => {
        if (line !== "started") seen.set(line, (seen.get(line) ?? 0) + 1);
      });
    }
    for (const name of ["a", "b"]) run(short, (line) => confirmed.add(line), name);
    await vi.waitFor(() => expect([confirmed.size, seen.size]).toEqual([expected, expected]), {
      timeout: 40_000,
      interval: 50,
    });
    expect([...seen.values()].filter((count) => count > 1)).toEqual([]);
    expect(integrity()).toMatchObject(ok);
  });

  test("six processes may create the file at the same time", { timeout: 30_000 }, async () => {
    const ends = Array.from({ length: 6 }, () =>
      once(
        run(`${prelude} await server.disconnect();`, () => {}),
        "close",
      ),
    );
    expect((await Promise.all(ends)).map(([code]) => code)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(integrity()).toMatchObject(ok);
  });

  test("a message of another process wakes an idle worker within the poll interval", { timeout: 20_000 }, async () => {
    const seen: string[] = [];
    const child = run(worker, (line) => seen.push(line));
    await vi.waitFor(() => expect(seen).toEqual(["started"]), { timeout: 10_000 });
    await sendAll(1);
    await vi.waitFor(() => expect(seen).toContain("m0"), { timeout: 1000, interval: 5 });
    await kill(child);
  });
});
