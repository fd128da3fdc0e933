import { mkdirSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { ConnectionError, ServerFullError } from "millrace";
import { describe, expect, test } from "vitest";
import { requireProgram } from "../brokers.ts";
import { callsOf, hold, send, stage, until } from "./faults-stage.ts";
import type { RedisProcess } from "./redis-process.ts";

const there = (await requireProgram("redis")) !== undefined;
const stream = "millrace:{a}";

/** Runs a command and ends all connections of clients. The password of `redis` is not the one it was started with. */
async function endConnections(redis: RedisProcess, password: string, command = "PING"): Promise<void> {
  const socket = createConnection(redis.port, redis.host);
  await new Promise<void>((resolve) => {
    let seen = "";
    socket.on("data", (chunk) => {
      seen += chunk;
      if (/^:\d+\r\n$/m.test(seen)) resolve();
    });
    socket.write(`AUTH ${password}\r\n${command}\r\nCLIENT KILL TYPE normal SKIPME yes\r\n`);
  });
  socket.destroy();
}

describe.skipIf(!there).concurrent("B13: Redis refuses", () => {
  test("READONLY: a master that becomes a replica is left, and used again when it is a master", async (context) => {
    const { own, connected, consume } = stage(context);
    const [redis, other] = await Promise.all([own(), own()]);
    const main = await connected({ url: redis.url, leaseDuration: "20s" });
    const intake = await consume(main, "a", { handle: hold, maxUnsettled: 1 });
    await send(main, "a", "1");
    await until("it comes", () => intake.deliveries.length === 1);
    await redis.command("REPLICAOF", "127.0.0.1", String(other.port));
    // There is no room, so that nothing is read: the settle finds it out.
    await expect(intake.deliveries[0]?.settle("ack")).rejects.toThrow(ConnectionError);
    await until("it is left", () => main.state === "reconnecting", 2000);
    const error = await send(main, "a", "2").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ outcome: "failed" });
    const before = await callsOf(redis);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const after = await callsOf(redis);
    const calls = (of: typeof after): number => Object.values(of).reduce((sum, count) => sum + count, 0);
    // A reconnect per second and connection, of a dozen commands.
    expect(calls(after) - calls(before)).toBeLessThan(100);
    await redis.command("REPLICAOF", "NO", "ONE");
    await until("ready again", () => main.state === "ready" && intake.states.at(-1) === "ready", 5000);
  }, 20_000);

  test("READONLY while a read blocks: the same, and it says so", async (context) => {
    const { own, connected, consume, logs } = stage(context);
    const [redis, other] = await Promise.all([own(), own()]);
    const main = await connected({ url: redis.url, blockTime: "5s", pollInterval: "1m", sweepInterval: "1m" });
    const intake = await consume(main, "a");
    await redis.command("REPLICAOF", "127.0.0.1", String(other.port));
    await until("it is left", () => intake.states.at(-1) === "reconnecting", 3000);
    await redis.command("REPLICAOF", "NO", "ONE");
    // It has the data of the other one: none.
    await until("its stream is there again", async () => (await redis.command("EXISTS", stream)) === 1, 5000);
    await send(main, "a", "1");
    await until("it comes", () => intake.texts.length === 1);
    expect([main.state, intake.states.at(-1)]).toEqual(["ready", "ready"]);
    expect(logs.all).toMatch(/replica/);
  }, 20_000);

  test("LOADING: connect() waits until the data is there", async (context) => {
    const { own, connected, server, logs } = stage(context);
    // Loads for about a second.
    const redis = await own({ args: ["--key-load-delay", "100", "--loading-process-events-interval-bytes", "1024"] });
    const main = await connected({ url: redis.url });
    await redis.command("DEBUG", "POPULATE", "10000", "key", "100").catch(() => undefined);
    const size = Number(await redis.command("DBSIZE"));
    if (size < 10_000)
      for (let i = 0; i < 100; i += 1)
        await redis.command(
          "EVAL",
          "for i=1,100 do redis.call('SET', ARGV[1]..':'..i, string.rep('x', 100)) end",
          "0",
          String(i),
        );
    await redis.command("SAVE");
    await redis.kill();
    const starting = redis.start().catch(() => undefined);
    const late = server({ url: redis.url, connectTimeout: "10s" });
    await late.connect({ logger: logs });
    await starting;
    await send(late, "a", "1");
    await until("the other one, too", () => main.state === "ready");
  }, 30_000);

  test("MISCONF: full while snapshots fail, then as before", async (context) => {
    const { own, connected, consume } = stage(context);
    const redis = await own({ args: ["--save", "3600 1", "--appendonly", "no", "--dbfilename", "taken.rdb"] });
    // A folder in the place of the file: it cannot be written.
    mkdirSync(join(redis.folder, "taken.rdb"));
    const main = await connected({ url: redis.url });
    const intake = await consume(main, "a");
    await send(main, "a", "1");
    await until("it comes", () => intake.texts.length === 1);
    await redis.command("BGSAVE");
    await until("it fails", async () =>
      String(await redis.command("INFO", "persistence")).includes("last_bgsave_status:err"),
    );
    const error = await send(main, "a", "2").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ outcome: "failed", cause: expect.any(ServerFullError) });
    await until("consuming says so", () => intake.states.at(-1) === "reconnecting", 3000);
    await redis.command("CONFIG", "SET", "stop-writes-on-bgsave-error", "no");
    await send(main, "a", "3");
    await until("the third", () => intake.texts.includes("3"));
    expect(intake.states.at(-1)).toBe("ready");
  });

  test("BUSY: a script that runs for ever delays, and nothing more", async (context) => {
    const { own, connected, consume } = stage(context);
    const redis = await own({ args: ["--busy-reply-threshold", "50"] });
    const main = await connected({ url: redis.url, leaseDuration: "20s", commandTimeout: "3s" });
    const intake = await consume(main, "a", { handle: hold });
    await send(main, "a", "1");
    await until("it comes", () => intake.texts.length === 1);
    const script = redis.command("EVAL", "while true do end", "0").catch((error: unknown) => error);
    await until("it is busy", () =>
      redis.command("PING").then(
        () => false,
        (error: unknown) => String(error).includes("BUSY"),
      ),
    );
    const [sent, settled] = await Promise.allSettled([send(main, "a", "2"), intake.deliveries[0]?.settle("ack")]);
    expect(sent).toMatchObject({ reason: { outcome: "failed", cause: { code: "SERVER_BUSY" } } });
    expect(settled.status).toBe("rejected");
    await redis.command("SCRIPT", "KILL");
    await script;
    await intake.deliveries[0]?.settle("ack");
    await send(main, "a", "3");
    await until("the third", () => intake.texts.includes("3"));
    expect(intake.texts).toEqual(["1", "3"]);
    expect(intake.states.at(-1)).toBe("ready");
  });

  test("NOPERM: what is not allowed is named, in few commands, and works once it is", async (context) => {
    const { own, connected, consume, logs } = stage(context);
    const redis = await own({ users: { worker: "on >hush ~millrace:* &* +@all" } });
    const main = await connected({ url: redis.urlFor("worker", "hush") });
    const intake = await consume(main, "a");
    await send(main, "a", "1");
    await until("it comes", () => intake.texts.length === 1);
    await redis.command("ACL", "SETUSER", "worker", "-xreadgroup", "-xadd");
    const error = await send(main, "a", "2").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ outcome: "failed", message: expect.stringMatching(/denies access.*NOPERM/) });
    await until("consuming says so", () => intake.states.at(-1) === "reconnecting", 3000);
    const before = (await callsOf(redis))["xreadgroup"] ?? 0;
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(((await callsOf(redis))["xreadgroup"] ?? 0) - before).toBeLessThan(5);
    expect(logs.of("consumer.read.failed")).toHaveLength(1);
    await redis.command("ACL", "SETUSER", "worker", "+xreadgroup", "+xadd");
    await send(main, "a", "3");
    await until("the third", () => intake.texts.includes("3"));
    expect(intake.states.at(-1)).toBe("ready");
  });

  test("NOPERM for what moves delayed messages: said once, and they come when it is allowed again", async (context) => {
    const { own, connected, consume, logs } = stage(context);
    const redis = await own({ users: { worker: "on >hush ~millrace:* &* +@all" } });
    const main = await connected({ url: redis.urlFor("worker", "hush") });
    const intake = await consume(main, "a");
    await send(main, "a", "late", { delay: 300 });
    await redis.command("ACL", "SETUSER", "worker", "-evalsha");
    await until("it says so", () => logs.of("channel.upkeep.failed").length === 1, 3000);
    await send(main, "a", "now");
    await until("other messages come", () => intake.texts.includes("now"));
    await redis.command("ACL", "SETUSER", "worker", "+evalsha");
    await until("the delayed one", () => intake.texts.includes("late"));
    expect(logs.of("channel.upkeep.failed")).toHaveLength(1);
  });

  test("NOAUTH and WRONGPASS: connect() rejects at once, says why, and keeps the password to itself", async (context) => {
    const { own, server, logs } = stage(context);
    const redis = await own({ password: "right" });
    for (const url of [`redis://127.0.0.1:${redis.port}`, `redis://:secret-1@127.0.0.1:${redis.port}`]) {
      const main = server({ url, connectTimeout: Number.POSITIVE_INFINITY });
      const error = await main.connect({ logger: logs }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(ConnectionError);
      expect((error as Error).message).toMatch(/Redis denies access: (NOAUTH|WRONGPASS)/);
      expect(JSON.stringify([error, String(error), (error as Error).cause, main.info]) + logs.all).not.toContain(
        "secret",
      );
    }
  });

  test("the password changes while it runs: given up as failed after some tries, and logged without it", async (context) => {
    const { own, connected, consume, logs } = stage(context);
    const redis = await own({ password: "secret-old" });
    const main = await connected({ url: redis.url });
    const intake = await consume(main, "a");
    await redis.command("CONFIG", "SET", "requirepass", "secret-new");
    await endConnections(redis, "secret-new");
    await until("it gives up", () => main.state === "failed" || intake.states.at(-1) === "failed", 15_000);
    await until("both", () => main.state === "failed", 15_000);
    expect(logs.all).toContain("WRONGPASS");
    expect(logs.all).not.toContain("secret");
    // Only a new connect() helps, and it does.
    await expect(main.connect()).rejects.toThrow(/WRONGPASS/);
    await endConnections(redis, "secret-new", "CONFIG SET requirepass secret-old");
    await main.connect();
    const again = await consume(main, "a");
    await send(main, "a", "1");
    await until("it comes", () => again.texts.length === 1);
  }, 25_000);

  test("credentials that are asked for are asked for again", async (context) => {
    const { own, connected, consume } = stage(context);
    const redis = await own({ password: "old" });
    let password = "old";
    const credentialsProvider = {
      type: "async-credentials-provider",
      credentials: async () => ({ password }),
    } as const;
    const main = await connected({ url: `redis://127.0.0.1:${redis.port}`, options: { credentialsProvider } });
    const intake = await consume(main, "a");
    await redis.command("CONFIG", "SET", "requirepass", "new");
    password = "new";
    await endConnections(redis, "new");
    await until("lost", () => intake.states.includes("reconnecting"));
    await until("ready again", () => main.state === "ready" && intake.states.at(-1) === "ready");
    await send(main, "a", "1");
    await until("it comes", () => intake.texts.length === 1);
  });
});
