import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Delivery, OutgoingMessage } from "../../server/delivery.ts";
import { type LogFields, silentLogger } from "../../server/logger.ts";
import type { ConnectionState } from "../../server/server.ts";
import { Connection } from "./connection.ts";
import { type SqliteOptions, type SqliteServer, sqlite } from "./index.ts";
import { readSettings } from "./options.ts";
import { PublishWork } from "./publish-work.ts";
import { toTrouble } from "./trouble.ts";

let folder: string;
let path: string;
const servers: SqliteServer[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-sqlite-"));
  path = join(folder, "jobs.db");
});

afterEach(async () => {
  for (const server of servers.splice(0)) await server.disconnect();
  rmSync(folder, { recursive: true, force: true });
});

function create(options: Partial<SqliteOptions> = {}): SqliteServer {
  const server = sqlite({ path, sweepInterval: 100, ...options });
  servers.push(server);
  return server;
}

async function connected(options: Partial<SqliteOptions> = {}): Promise<SqliteServer> {
  const server = create(options);
  await server.connect();
  return server;
}

function message(id: string, size = 10): OutgoingMessage {
  return { id, payload: Buffer.alloc(size, "x"), headers: {}, contentType: undefined, replyTo: undefined };
}

async function consume(server: SqliteServer, channel = "c") {
  const deliveries: Delivery[] = [];
  const states: ConnectionState[] = [];
  const subscription = await server.subscribe({
    channels: [{ name: channel }],
    maxUnsettled: 100,
    onDelivery: (delivery) => deliveries.push(delivery),
    onStateChange: (state) => states.push(state),
  });
  return { deliveries, states, subscription };
}

describe("a file that cannot be opened", () => {
  test("the constructor touches nothing", () => {
    create();
    expect(existsSync(path)).toBe(false);
  });

  test("missing folder: ConnectionError with the cause", async () => {
    const server = create({ path: join(folder, "none", "jobs.db") });
    await expect(server.connect()).rejects.toMatchObject({ code: "CONNECTION_FAILED", cause: { errcode: 14 } });
    expect(server.state).toBe("closed");
  });

  test("missing file with create: false: ConnectionError, and no file is made", async () => {
    await expect(create({ create: false }).connect()).rejects.toMatchObject({ code: "CONNECTION_FAILED" });
    expect(existsSync(path)).toBe(false);
  });

  test("not a database: ServerCorruptError, and the file is left as it was", async () => {
    writeFileSync(path, "just some text that is no database at all, and long enough to be looked at".repeat(20));
    await expect(create().connect()).rejects.toMatchObject({ code: "SERVER_CORRUPT", cause: { errcode: 26 } });
  });

  test("a folder instead of a file is refused", async () => {
    await expect(create({ path: folder }).connect()).rejects.toMatchObject({ code: "CONNECTION_FAILED" });
  });

  test("a database of another program is refused, and nothing is added to it", async () => {
    const db = new DatabaseSync(path);
    db.exec("CREATE TABLE theirs (x)");
    await expect(create().connect()).rejects.toMatchObject({
      code: "SERVER_CORRUPT",
      message: expect.stringContaining("another program"),
    });
    expect(db.prepare("SELECT name FROM sqlite_schema").all()).toMatchObject([{ name: "theirs" }]);
    db.close();
  });

  test("a newer layout is refused with the way out", async () => {
    await (await connected()).disconnect();
    const db = new DatabaseSync(path);
    db.exec("PRAGMA user_version = 99");
    db.close();
    await expect(create().connect()).rejects.toMatchObject({
      code: "SERVER_CORRUPT",
      message: expect.stringContaining("newer millrace"),
    });
  });

  test("an aborted signal ends connecting", async () => {
    await expect(create().connect({ signal: AbortSignal.abort() })).rejects.toThrow("aborted");
  });
});

describe("another process has the lock", () => {
  test("a send waits without blocking the event loop, then fails with ServerBusyError", async () => {
    const server = await connected({ busyTimeout: 150 });
    const db = new DatabaseSync(path);
    db.exec("BEGIN IMMEDIATE");
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 5);
    await expect(server.publish("c", message("a"))).rejects.toMatchObject({
      code: "PUBLISH_FAILED",
      outcome: "failed",
      cause: { code: "SERVER_BUSY", cause: { errcode: 5 } },
    });
    clearInterval(timer);
    expect(turns).toBeGreaterThan(10);
    db.exec("ROLLBACK");
    db.close();
    await expect(server.publish("c", message("b"))).resolves.toMatchObject({ id: "b" });
  });

  test("a send that gets the lock in time succeeds", async () => {
    const server = await connected();
    const db = new DatabaseSync(path);
    db.exec("BEGIN IMMEDIATE");
    const sent = server.publish("c", message("a"));
    setTimeout(() => db.exec("ROLLBACK"), 50);
    await expect(sent).resolves.toMatchObject({ id: "a" });
    db.close();
  });

  test("a consumer says that it is waiting, survives, and goes on", async () => {
    const server = await connected({ busyTimeout: 50 });
    const { deliveries, states } = await consume(server);
    const db = new DatabaseSync(path);
    db.exec("BEGIN IMMEDIATE");
    await vi.waitFor(() => expect(states.at(-1)).toBe("reconnecting"));
    expect(server.state).toBe("reconnecting");
    db.exec("ROLLBACK");
    await vi.waitFor(() => expect(states.at(-1)).toBe("ready"));
    expect(server.state).toBe("ready");
    await server.publish("c", message("a"));
    await vi.waitFor(() => expect(deliveries).toHaveLength(1));
    db.close();
  });
});

describe("the file disappears while in use", () => {
  test("sends fail typed, nothing is confirmed into a deleted file, and all goes on once it is back", async () => {
    const server = await connected();
    const { deliveries, states } = await consume(server);
    await server.publish("c", message("before"));
    await vi.waitFor(() => expect(deliveries).toHaveLength(1));
    const files = ["", "-wal", "-shm"].filter((suffix) => existsSync(path + suffix));
    for (const suffix of files) renameSync(path + suffix, `${path}.away${suffix}`);
    await expect(server.publish("c", message("lost"))).rejects.toMatchObject({
      code: "PUBLISH_FAILED",
      outcome: "failed",
      cause: { code: "SERVER_CORRUPT", message: expect.stringContaining("deleted or moved") },
    });
    expect(server.state).toBe("reconnecting");
    expect(states.at(-1)).toBe("reconnecting");
    expect(existsSync(path)).toBe(false);
    for (const suffix of files) renameSync(`${path}.away${suffix}`, path + suffix);
    await vi.waitFor(() => expect(server.state).toBe("ready"), { timeout: 5000 });
    expect(states.at(-1)).toBe("ready");
    await deliveries[0]?.settle("ack");
    await server.publish("c", message("after"));
    await vi.waitFor(() => expect(deliveries.map(({ id }) => id)).toEqual(["before", "after"]));
  });

  test("an idle consumer notices it by itself", async () => {
    const { states, subscription } = await consume(await connected());
    rmSync(path);
    await vi.waitFor(() => expect(states.at(-1)).toBe("reconnecting"));
    const contact = subscription.lastContact;
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect(subscription.lastContact).toBe(contact);
  });

  test("connect() makes a new file", async () => {
    const server = await connected();
    for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
    await expect(server.publish("c", message("a"))).rejects.toMatchObject({ code: "PUBLISH_FAILED" });
    await server.connect();
    await expect(server.publish("c", message("a"))).resolves.toMatchObject({ id: "a" });
  });
});

describe("no room left", () => {
  test("sends that do not fit fail with ServerFullError, settles go on and make room", async () => {
    const connection = new Connection(readSettings({ path, sweepInterval: 100 }));
    await connection.connect();
    const deliveries: Delivery[] = [];
    const send = (id: string) => connection.committer.add(new PublishWork("c", message(id, 3000)));
    await Promise.all(Array.from({ length: 20 }, (_, i) => send(`first${i}`)));
    const store = connection.requireOpen();
    const pages = Number(store.prepare("PRAGMA page_count").get()?.["page_count"]);
    store.prepare(`PRAGMA max_page_count = ${pages + 5}`).get();
    const results = await Promise.allSettled(Array.from({ length: 30 }, (_, i) => send(`more${i}`)));
    const failed = results.filter((result) => result.status === "rejected");
    expect(failed.length).toBeGreaterThan(20);
    expect(failed.length).toBeLessThan(30);
    for (const { reason } of failed) {
      expect(reason).toMatchObject({ code: "PUBLISH_FAILED", outcome: "failed", cause: { code: "SERVER_FULL" } });
    }
    const subscription = connection.subscribe({
      channels: [{ name: "c" }],
      maxUnsettled: 10,
      onDelivery: (delivery) => deliveries.push(delivery),
      onStateChange: () => {},
    });
    await vi.waitFor(() => expect(deliveries.length).toBe(10));
    await Promise.all(deliveries.map((delivery) => delivery.settle("ack")));
    await subscription.close();
    await expect(send("fits again")).resolves.toMatchObject({ id: "fits again" });
    await connection.disconnect();
  });
});

/** Runs a command of the operating system. Throws when it fails. */
function system(command: string, args: readonly string[]): void {
  execFileSync(command, args, { stdio: "ignore" });
}

describe("a full disk", () => {
  let disk: string | undefined;

  beforeEach(() => {
    const point = join(folder, "disk");
    mkdirSync(point);
    try {
      system("mount", ["-t", "tmpfs", "-o", "size=1m", "none", point]);
      disk = point;
    } catch {
      disk = undefined; // Not root, or not Linux.
    }
  });

  afterEach(() => {
    if (disk !== undefined) system("umount", ["-l", disk]);
  });

  test("sends fail typed, nothing confirmed is lost, and all goes on once there is room", async ({ skip }) => {
    if (disk === undefined) skip("a small file system can only be mounted by root");
    const server = await connected({ path: join(disk as string, "jobs.db") });
    const sent = await Promise.allSettled(
      Array.from({ length: 600 }, (_, i) => server.publish("c", message(`m${i}`, 2000))),
    );
    const confirmed = sent.flatMap((result) => (result.status === "fulfilled" ? [result.value.id] : []));
    const failed = sent.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    expect(confirmed.length).toBeGreaterThan(50);
    expect(failed.length).toBeGreaterThan(50);
    for (const error of failed) expect(error).toMatchObject({ outcome: "failed", cause: { code: "SERVER_FULL" } });
    const { deliveries, states } = await consume(server);
    await vi.waitFor(() => expect(states.at(-1)).toBe("reconnecting"));
    system("mount", ["-o", "remount,size=20m", disk as string]);
    await vi.waitFor(() => expect(states.at(-1)).toBe("ready"), { timeout: 5000 });
    let settled = 0;
    await vi.waitFor(
      async () => {
        while (settled < deliveries.length) await deliveries[settled++]?.settle("ack");
        expect(settled).toBe(confirmed.length);
      },
      { timeout: 10_000 },
    );
    expect(new Set(deliveries.map(({ id }) => id))).toEqual(new Set(confirmed));
    await server.disconnect();
  });
});

describe("a connection that SQLite refuses to write with", () => {
  test("sends fail typed, and a new connection is opened by itself", async () => {
    const connection = new Connection(readSettings({ path }));
    await connection.connect();
    const send = (id: string) => connection.committer.add(new PublishWork("c", message(id)));
    connection.requireOpen().prepare("PRAGMA query_only = 1").run();
    await expect(send("a")).rejects.toMatchObject({
      outcome: "failed",
      cause: {
        code: "CONNECTION_FAILED",
        message: expect.stringContaining("cannot be written"),
        cause: { errcode: 8 },
      },
    });
    expect(connection.state).toBe("reconnecting");
    await vi.waitFor(() => expect(connection.state).toBe("ready"));
    await expect(send("b")).resolves.toMatchObject({ id: "b" });
    await connection.disconnect();
  });
});

describe("an error that comes back at once on every statement", () => {
  /** Every claim fails while it is there. */
  const block = "CREATE TRIGGER block BEFORE UPDATE ON millrace_message BEGIN SELECT RAISE(ABORT, 'no'); END";
  const execute = (text: string): void => {
    const db = new DatabaseSync(path);
    db.exec(text);
    db.close();
  };
  const sleep = (delay: number) => new Promise((resolve) => setTimeout(resolve, delay));

  test("is met with growing pauses, until a transaction succeeds", async () => {
    const server = create();
    const events: string[] = [];
    const log = ({ event }: LogFields): void => void events.push(event);
    await server.connect({ logger: { ...silentLogger, error: log, info: log } });
    await server.publish("c", message("a"));
    execute(block);
    const { deliveries, states } = await consume(server);
    await sleep(1000); // Attempts after 50, 150, 350 and 750 ms.
    expect(events.length).toBeGreaterThanOrEqual(3);
    expect(events.length).toBeLessThanOrEqual(5);
    expect(new Set(events)).toEqual(new Set(["server.reconnect.scheduled"]));
    expect(states).toEqual(["ready", "reconnecting"]);
    expect(server.state).toBe("reconnecting");

    execute("DROP TRIGGER block");
    await vi.waitFor(() => expect(deliveries).toHaveLength(1), { timeout: 3000 });
    expect(events.at(-1)).toBe("server.connected");
    expect(states).toEqual(["ready", "reconnecting", "ready"]);
    expect(server.state).toBe("ready");
    await deliveries[0]?.settle("ack");

    // Afresh: the next attempt comes after 50 ms again, not after 1600.
    execute(block);
    await expect(server.publish("c", message("b"))).rejects.toMatchObject({ code: "PUBLISH_FAILED" });
    await vi.waitFor(() => expect(events.slice(-2)).toEqual(["server.reconnect.scheduled", "server.connected"]));
  });

  test("a connection that nobody uses proves itself, too", async () => {
    const connection = new Connection(readSettings({ path }));
    await connection.connect();
    connection.requireOpen().prepare("PRAGMA query_only = 1").run();
    await expect(connection.committer.add(new PublishWork("c", message("a")))).rejects.toThrow();
    expect(connection.state).toBe("reconnecting");
    await vi.waitFor(() => expect(connection.state).toBe("ready"));
    await connection.disconnect();
  });
});

describe("errors of SQLite by kind", () => {
  const cases: readonly [number, string, string][] = [
    [5, "busy", "SERVER_BUSY"],
    [261, "busy", "SERVER_BUSY"],
    [8, "lost", "CONNECTION_FAILED"],
    [1032, "lost", "CONNECTION_FAILED"],
    [10, "lost", "CONNECTION_FAILED"],
    [11, "broken", "SERVER_CORRUPT"],
    [13, "full", "SERVER_FULL"],
    [26, "broken", "SERVER_CORRUPT"],
    [19, "statement", "CONNECTION_FAILED"],
  ];
  test.each(cases)("result code %i is %s: %s", (errcode, kind, code) => {
    const cause = Object.assign(new Error("x"), { errcode });
    expect(toTrouble(cause, "jobs.db")).toMatchObject({ kind, error: { code, cause } });
  });
});

describe("options", () => {
  const bad: readonly Partial<SqliteOptions>[] = [
    { path: "" },
    { path: ":memory:" },
    { path: "file:jobs.db?mode=ro" },
    { synchronous: "off" as "full" },
    { leaseDuration: "1ms" },
    { batchSize: 0 },
    { deadLetter: { maxSize: 0 } },
    { deadLetter: false, onExpired: "deadLetter" },
    { pollInterval: 0 },
  ];
  test.each(bad)("%j is refused where it is given", (options) => {
    expect(() => sqlite({ path: "jobs.db", ...options })).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
  });
});
