import { randomUUID } from "node:crypto";
import { createClient } from "@redis/client";
import { type RedisOptions, redis } from "millrace/redis";
import { afterAll, beforeAll, describe, expect, type TestContext, test } from "vitest";
import { message } from "../../src/conformance/message.ts";
import { requireProgram } from "../brokers.ts";
import { accessRights } from "./access-rights.ts";
import { type Authority, createAuthority } from "./certificates.ts";
import { callsOf, hold, send, stage, until } from "./faults-stage.ts";

const isMissing = (await requireProgram("redis")) === undefined;

describe("TLS", { skip: isMissing }, () => {
  let authority: Authority;
  beforeAll(async () => {
    authority = await createAuthority();
  });
  afterAll(() => authority.remove());

  async function secured(context: TestContext, hosts?: readonly string[]) {
    const certificate = await authority.issue(hosts === undefined ? {} : { hosts });
    return stage(context).own({ password: "p@ss/word", tls: { authority, certificate } });
  }

  /** Why it does not connect. */
  const refusal = (options: RedisOptions): Promise<unknown> =>
    redis({ connectTimeout: 1, ...options })
      .connect()
      .then(
        () => "it connected",
        (error: unknown) => error,
      );

  test("messages travel over rediss://", async (context) => {
    const { url, host, port } = await secured(context);
    const faults = stage(context);
    const server = await faults.connected({ url, options: { socket: { tls: true, ca: authority.ca } } });
    const intake = await faults.consume(server, "c");
    await send(server, "c", "hello");
    await until("it came", () => intake.texts[0] === "hello");
    expect(server.info).toMatchObject({ protocol: "rediss", host: `${host}:${port}` });
    expect(JSON.stringify(server.info)).not.toContain("word");
  });

  test("who is not trusted, or has another name, is refused; so is another protocol than was asked for", async (context) => {
    const { url, port } = await secured(context, ["IP:127.0.0.1"]);
    const plain = await stage(context).own();
    const ca = { socket: { tls: true, ca: authority.ca } } as const;
    expect(String(await refusal({ url }))).toContain("certificate");
    expect(String(await refusal({ url: url.replace("127.0.0.1", "localhost"), options: ca }))).toContain(
      "does not match certificate's altnames",
    );
    expect(String(await refusal({ url: url.replace("rediss:", "redis:") }))).toContain("needs rediss://?");
    const short = { socket: { ...ca.socket, connectTimeout: 300 } };
    expect(String(await refusal({ url: `rediss://127.0.0.1:${plain.port}`, options: short }))).toMatch(/port.*TLS/);
    expect(() => redis({ url: `redis://u:geheim@127.0.0.1:${port}`, options: ca })).toThrow("differ");
    expect(() => redis({ url, options: { socket: { tls: false } as never } })).toThrow("differ");
  });
});

test("no shape of an address shows credentials, and a wrong one is never quoted", () => {
  const secret = "geheim";
  const infoOf = (options: RedisOptions) => redis(options).info;
  const urls = [`redis://:${secret}@h:1/3`, `redis://u:${secret}@h:1/3`, `rediss://u:${secret}@[::1]:1`];
  for (const url of urls) expect(JSON.stringify(infoOf({ url }))).not.toContain(secret);
  expect(infoOf({ url: urls[1] as string })).toEqual({ protocol: "redis", host: "h:1", pathname: "/3" });
  expect(infoOf({ url: `unix://u:${secret}@/run/redis.sock?db=2` })).toMatchObject({
    host: "/run/redis.sock",
    pathname: "/2",
  });
  expect(infoOf({ options: { socket: { host: "h", port: 7, tls: true }, password: secret, database: 4 } })).toEqual({
    ...{ protocol: "rediss", host: "h:7", pathname: "/4" },
  });
  expect(infoOf({ client: createClient({ url: urls[1] as string }) })).toEqual({
    ...{ protocol: "redis", host: "h:1", pathname: "/3" },
  });
  const cluster = {
    nodes: [
      { host: "a", port: 1 },
      { host: "b", port: 2 },
    ],
  };
  expect(infoOf({ cluster, options: { password: secret, socket: { tls: true } } as never })).toEqual({
    ...{ protocol: "rediss", host: "a:1,b:2" },
  });
  for (const url of [
    `redis//u:${secret}@h`,
    `http://u:${secret}@h`,
    `redis://u:${secret}@h:1/x`,
    `unix://u:${secret}@`,
  ]) {
    let error: unknown;
    try {
      redis({ url });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: "INVALID_OPTION" });
    expect(`${error} ${JSON.stringify((error as Error).cause ?? "")}`).not.toContain(secret);
  }
  const twice = { url: urls[0] as string, options: { password: "other" } };
  expect(() => redis(twice)).toThrow("give them once");
});

describe("access", { skip: isMissing, timeout: 20_000 }, () => {
  test("a unix socket", async (context) => {
    const faults = stage(context);
    const own = await faults.own();
    await own.command("CONFIG", "SET", "maxclients", "1000");
    const path = `${own.folder}/redis.sock`;
    const other = await faults.own({ args: ["--unixsocket", path] });
    const [byUrl, byOptions] = [
      await faults.connected({ url: `unix://${path}` }),
      await faults.connected({ options: { socket: { path } as never } }),
    ];
    const intake = await faults.consume(byOptions, "c");
    await send(byUrl, "c", "hello");
    await until("it came", () => intake.texts[0] === "hello");
    expect(String(await other.command("CLIENT", "LIST"))).toContain(path);
  });

  test("the rights in the documentation suffice, for producers, workers and tools", async (context) => {
    const faults = stage(context);
    const rights = accessRights();
    const own = await faults.own();
    for (const [name, rules] of Object.entries(rights)) await own.command("ACL", "SETUSER", name, ...rules);
    const as = (name: string) =>
      faults.connected({ url: own.urlFor(name, "secret"), leaseDuration: 300, sweepInterval: 50 });
    const [producer, worker, tool] = [await as("producer"), await as("worker"), await as("tool")];
    const seen: string[] = [];
    const intake = await faults.consume(worker, ["c", "d"], {
      handle(delivery) {
        const text = Buffer.from(delivery.payload).toString();
        seen.push(text);
        const isFirst = seen.filter((one) => one === text).length === 1;
        if (text === "left" && isFirst) return hold();
        if (text === "late" && isFirst) return void delivery.settle({ retryAfter: 10 });
        if (text === "bad") return void delivery.settle("nack");
        void delivery.lease?.extend();
        void delivery.settle(text === "again" && isFirst ? "reject" : "ack");
      },
    });
    await send(producer, "c", "late");
    await send(producer, "c", "plain");
    await send(producer, "c", "again");
    await send(producer, "c", "left");
    await send(producer, "d", "delayed", { delay: 100 });
    await send(producer, "d", "urgent", { priority: 100 });
    await send(producer, "c", "once", { dedupe: { key: "k", window: 1000, onDuplicate: "ignore" } });
    await send(producer, "c", "bad");
    await until("all came", () =>
      ["plain", "delayed", "urgent", "once", "bad", "late"].every((text) => seen.includes(text)),
    );
    await until("what was left came again", () => seen.filter((text) => text === "left").length === 2);
    const letters = tool.deadLetters?.("c");
    await until("the bad one is a dead letter", async () => (await letters?.count()) === 1);
    const [letter] = (await letters?.list()) ?? [];
    expect((await letters?.get(letter?.id ?? ""))?.id).toBe(letter?.id);
    await letters?.replay(letter?.id ?? "");
    await until("it is one again", async () => (await letters?.count()) === 1);
    expect(await letters?.purge()).toBe(1);
    expect(await tool.inspect?.("c")).toMatchObject({ dead: 0 });
    await intake.subscription.close();
    await send(producer, "c", "unread");
    expect(await tool.purge?.("c")).toBe(1);
    await until("nothing was denied", async () => {
      const log = (await own.command("ACL", "LOG")) as readonly (readonly unknown[])[];
      // The client names itself; it does not matter that it may not.
      expect(
        log.map((entry) => entry[entry.indexOf("object") + 1]).filter((object) => object !== "client|setinfo"),
      ).toEqual([]);
      return true;
    });
    expect(faults.logs.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  test("a missing right names the command", async (context) => {
    const faults = stage(context);
    const own = await faults.own({
      users: {
        some: "on >secret ~* &* +@all -xadd -xgroup -xreadgroup",
        deaf: "on >secret ~* &* +@all -xreadgroup -zrangebyscore",
      },
    });
    const server = await faults.connected({ url: own.urlFor("some", "secret") });
    await expect(server.publish("c", message("x"))).rejects.toThrow(/'xadd' command/);
    await expect(server.publish("c", message("x"), { delay: 10 })).resolves.toBeDefined();
    await expect(faults.consume(server, "c")).rejects.toThrow(/'xgroup\|create' command/);
    const deaf = await faults.connected({ url: own.urlFor("deaf", "secret") });
    await expect(faults.consume(deaf, "c")).rejects.toThrow(
      "Redis denies access to a command or key in a script, ACL LOG names it",
    );
    await own.command("ACL", "SETUSER", "deaf", "+zrangebyscore");
    const intake = await faults.consume(deaf, "c");
    await until("it is told", () => /'xreadgroup' command/.test(faults.logs.all));
    expect(intake.states.at(-1)).toBe("reconnecting");
    await own.command("ACL", "SETUSER", "deaf", "+xreadgroup");
    await until("it goes on", () => intake.states.at(-1) === "ready");
  });

  test("credentials are asked for again at every connection", async (context) => {
    const faults = stage(context);
    const own = await faults.own({ users: { u: "on >first ~* &* +@all" } });
    let password = "first";
    const credentialsProvider = {
      type: "async-credentials-provider" as const,
      credentials: async () => ({ username: "u", password }),
    };
    const server = await faults.connected({ url: `redis://127.0.0.1:${own.port}`, options: { credentialsProvider } });
    const intake = await faults.consume(server, "c");
    password = "second";
    await own.command("ACL", "SETUSER", "u", "resetpass", ">second");
    await own.command("CLIENT", "KILL", "USER", "u");
    await until("it is back", () => faults.logs.of("server.connected").length === 1);
    await until("it reads", () => intake.states.at(-1) === "ready");
    await send(server, "c", "hello");
    await until("it came", () => intake.texts[0] === "hello");
    expect(faults.logs.all).not.toContain("second");
  });

  test("a connection that may be somebody else's is not killed", async (context) => {
    const faults = stage(context);
    const own = await faults.own();
    const network = await faults.network(own);
    const server = await faults.connected({
      url: `redis://127.0.0.1:${network.port}`,
      keyPrefix: `k:${randomUUID()}:`,
    });
    const intake = await faults.consume(server, "c");
    const flows = async (text: string, connections: number): Promise<void> => {
      await until("it is back", () => faults.logs.of("server.connected").length === connections);
      await until("it reads", () => intake.states.at(-1) === "ready");
      await send(server, "c", text);
      await until("it came", () => intake.texts.includes(text));
    };
    await flows("1", 0);
    await own.kill();
    await own.start();
    await flows("2", 1);
    expect((await callsOf(own))["client|kill"]).toBeUndefined();
    network.reset();
    await flows("3", 2);
    await until("the old one is ended", async () => (await callsOf(own))["client|kill"] === 1);
  });
});
