import { byTopic, catchAll, createRouter, defineOperation, OptionError, type Routing } from "millrace";
import { describe, expect, test } from "vitest";
import { stage } from "./stage.ts";

const odd = ["__proto__", "constructor", "toString", "hasOwnProperty"];

describe("several actors of one channel", () => {
  test("a catch-all that comes first takes everything, one that comes last takes the rest", async () => {
    const { app, workFor } = stage();
    const seen: string[] = [];
    for (const channel of ["early", "late"]) {
      if (channel === "early")
        app.actor({ name: "all", channel, routing: catchAll }, () => void seen.push("early all"));
      app.actor({ name: "one", channel }, () => void seen.push(`${channel} one`));
      if (channel === "late") app.actor({ name: "all", channel, routing: catchAll }, () => void seen.push("late all"));
      for (const topic of ["one", "two"]) await app.publish(channel, "{}", { headers: { topic } });
      await app.publish(channel, "{}");
    }
    expect(await workFor(1000)).toMatchObject({ acked: 6 });
    expect(seen.toSorted()).toEqual(["early all", "early all", "early all", "late all", "late all", "late one"]);
  });

  test("the first one in the order of registration wins, whatever the way in which they route", async () => {
    const { app, workFor } = stage();
    const seen: string[] = [];
    const has =
      (name: string): Routing =>
      () =>
      ({ headers }) =>
        name in headers;
    app.actor({ name: "x", routing: has("x") }, () => void seen.push("x"));
    app.actor({ name: "topic" }, () => void seen.push("topic"));
    app.actor({ name: "y", routing: has("y") }, () => void seen.push("y"));
    const headers = [
      { topic: "topic", x: "", y: "" },
      { topic: "topic", y: "" },
      { topic: "other", y: "", x: "" },
      { topic: "other", y: "" },
    ] as Record<string, string>[];
    for (const one of headers) await app.publish("default", "{}", { headers: one });
    await workFor(1000, { concurrency: 1 });
    expect(seen).toEqual(["x", "topic", "x", "y"]);
  });

  test("a predicate sees the whole message, and only those of its channel", async () => {
    const { app, workFor } = stage();
    const seen: unknown[] = [];
    const routing: Routing = (target) => (message) => {
      const { payload, headers, contentType, replyTo, channel } = message;
      seen.push({
        target,
        payload: Buffer.from(payload).toString(),
        headers: { ...headers },
        contentType,
        replyTo,
        channel,
      });
      return true;
    };
    app.actor({ name: "a", topic: "t", routing }, () => {});
    app.actor({ name: "other", channel: "other" }, () => {});
    await app.publish("default", "[1]", { headers: { x: "1" }, contentType: "text/plain", replyTo: "back" });
    await app.publish("other", "{}", { headers: { topic: "other" } });
    expect(await workFor(1000)).toMatchObject({ acked: 2 });
    expect(seen).toEqual([
      {
        ...{ target: { topic: "t", topicHeader: "topic" }, payload: "[1]", headers: { x: "1" } },
        ...{ contentType: "text/plain", replyTo: "back", channel: "default" },
      },
    ]);
  });

  test("byTopic can be part of one's own routing", async () => {
    const { app, workFor } = stage();
    const seen: unknown[] = [];
    const routing: Routing = (target) => {
      const fits = byTopic(target);
      return (message) => fits(message) && message.headers["tenant"] === "acme";
    };
    app.actor({ name: "a", routing }, ({ headers }) => void seen.push(headers["n"]));
    await app.publish("default", "{}", { headers: { topic: "a", tenant: "acme", n: "1" } });
    await app.publish("default", "{}", { headers: { topic: "b", tenant: "acme", n: "2" } });
    await app.publish("default", "{}", { headers: { topic: "a", tenant: "other", n: "3" } });
    await workFor(500);
    expect(seen).toEqual(["1"]);
  });

  test("a predicate that throws takes neither the worker nor the messages it does not see", async () => {
    const { app, workFor, logs, stats } = stage();
    const seen: string[] = [];
    const throwing: Routing = () => () => {
      throw new Error("no idea");
    };
    app.actor({ name: "first" }, () => void seen.push("first"));
    app.actor({ name: "bad", routing: throwing }, () => void seen.push("bad"));
    await app.publish("default", "{}", { headers: { topic: "first" } });
    await app.publish("default", "{}", { headers: { topic: "nobody" } });
    await app.publish("default", "{}", { headers: { topic: "first" } });
    await workFor(3_600_000, { unrouted: { attempts: 3 } });
    expect(seen).toEqual(["first", "first"]);
    expect(logs.of("routing.error").length).toBe(3);
    expect(await stats()).toMatchObject({ ready: 0, delayed: 0, dead: 1 });
    expect((await app.deadLetters("default").list())[0]?.reason).toMatchObject({ code: "unrouted" });
  });

  test("a routing that makes no predicate does no harm to the actors before it", async () => {
    const { app, workFor } = stage();
    app.actor({ name: "good" }, () => {});
    app.actor({ name: "bad", routing: (() => undefined) as never }, () => {});
    await app.publish("default", "{}", { headers: { topic: "good" } });
    expect(await workFor(1000)).toMatchObject({ acked: 1 });
  });
});

describe("the topic", () => {
  test.each(odd)("%s selects its actor and nothing else", async (name) => {
    const { app, workFor, stats } = stage();
    let runs = 0;
    const plain = app.actor({ name: "plain" }, () => {});
    await app.publish("default", "{}", { headers: { topic: name } });
    await app.send(plain, {});
    expect(await workFor(1000, { unrouted: { attempts: 1 } })).toMatchObject({ processed: 1, nacked: 1, acked: 1 });
    const actor = app.actor({ name }, () => {
      runs += 1;
    });
    await app.send(actor, {});
    expect(await workFor(1000)).toMatchObject({ acked: 1 });
    expect(runs).toBe(1);
    expect(await stats()).toMatchObject({ ready: 0, dead: 1 });
  });

  test("is compared exactly: case, white space and empty texts count", async () => {
    const { app, workFor } = stage();
    app.actor({ name: "Greet" }, () => {});
    for (const topic of ["greet", "GREET", " Greet", "Greet ", "", "Gree", "Greett"]) {
      await app.publish("default", "{}", { headers: { topic } });
    }
    expect(await workFor(1000, { unrouted: { attempts: 1 } })).toMatchObject({ processed: 0, nacked: 7 });
  });

  test("of an operation or actor may differ from its name, and several names may share one on different channels", async () => {
    const { app, workFor } = stage();
    const seen: string[] = [];
    const operation = defineOperation({ name: "long.name", topic: "short" });
    app.actor({ operation, name: "handler" }, ({ message }) => void seen.push(message.header("topic") ?? ""));
    const other = app.actor({ name: "own", topic: "short", channel: "x" }, () => void seen.push("own"));
    await app.send(operation, {});
    await app.send(other, {});
    await workFor(1000);
    expect(seen.toSorted()).toEqual(["own", "short"]);
  });

  test("that the sender set is kept, in any case, and decides", async () => {
    const { app, workFor } = stage();
    const seen: unknown[] = [];
    const one = app.actor({ name: "one" }, ({ headers }) => void seen.push({ ...headers }));
    app.actor({ name: "two" }, ({ headers }) => void seen.push({ ...headers }));
    await app.send(one, {}, { headers: { topic: "two" } });
    await app.send(one, {}, { headers: { Topic: "two" } });
    await app.send(one, {}, { headers: { topic: "" } });
    await workFor(1000, { unrouted: { attempts: 1 } });
    expect(seen).toEqual([{ topic: "two" }, { Topic: "two" }]);
  });

  test.each([
    ["topic", true],
    ["Topic", true],
    ["TOPIC", true],
    ["tOpIc", true],
    ["topics", false],
    ["x-topic", false],
  ])("is found in the header %s: %s", async (name, found) => {
    const { app, workFor } = stage();
    app.actor({ name: "a" }, () => {});
    await app.publish("default", "{}", { headers: { [name]: "a" } });
    expect((await workFor(1000)).processed).toBe(found ? 1 : 0);
  });

  test("of the exact name wins over one that differs in case", async () => {
    const { app, workFor } = stage();
    const seen: string[] = [];
    for (const name of ["one", "two"]) app.actor({ name }, () => void seen.push(name));
    await app.publish("default", "{}", { headers: { Topic: "one", topic: "two" } });
    await app.publish("default", "{}", { headers: { TOPIC: "one", Topic: "two" } });
    await workFor(1000, { concurrency: 1 });
    expect(seen).toEqual(["two", "one"]);
  });
});

describe("the header that carries the topic", () => {
  const sent = async (
    app: string | false | undefined,
    server: string | false | undefined,
    operation: string | false | undefined,
  ) => {
    const set = stage({
      ...(app === undefined ? {} : { app: { topicHeader: app } }),
      ...(server === undefined ? {} : { memory: { topicHeader: server } }),
    });
    const seen: unknown[] = [];
    const config = { name: "a", ...(operation === undefined ? {} : { topicHeader: operation }) };
    const contract = defineOperation(config);
    const routing = [operation, server, app].find((one) => one !== undefined) === false ? { routing: catchAll } : {};
    set.app.actor({ operation: contract, ...routing }, ({ headers }) => void seen.push({ ...headers }));
    await set.app.send(contract, {});
    expect(await set.workFor(1000)).toMatchObject({ acked: 1 });
    return seen;
  };

  type Header = string | false | undefined;
  test.each<[string, Header, Header, Header, object]>([
    ["nobody", undefined, undefined, undefined, { topic: "a" }],
    ["the app", "kind", undefined, undefined, { kind: "a" }],
    ["the server", "kind", "type", undefined, { type: "a" }],
    ["the operation", "kind", "type", "x-op", { "x-op": "a" }],
    ["the operation again", false, false, "x-op", { "x-op": "a" }],
    ["the app: none", false, undefined, undefined, {}],
    ["the server: none", "kind", false, undefined, {}],
    ["the operation: none", "kind", "type", false, {}],
    ["the server, against none of the app", false, "type", undefined, { type: "a" }],
  ])("is named by %s", async (_, app, server, operation, headers) => {
    expect(await sent(app, server, operation)).toEqual([headers]);
  });

  test("works for code-first actors, too, and several headers on one channel find their actors", async () => {
    const { app, workFor } = stage();
    const seen: string[] = [];
    const one = app.actor({ name: "one", topicHeader: "kind" }, () => void seen.push("one"));
    const two = app.actor({ name: "two" }, () => void seen.push("two"));
    await app.send(one, {});
    await app.send(two, {});
    await app.publish("default", "{}", { headers: { kind: "one", topic: "two" } });
    await workFor(1000, { concurrency: 1 });
    expect(seen).toEqual(["one", "two", "one"]);
  });

  test("without one every actor needs its own routing, and the start says so", async () => {
    const { app, server } = stage({ app: { topicHeader: false } });
    app.actor({ name: "lost" }, () => {});
    await expect(app.createWorker({ signals: [] }).start()).rejects.toThrow(
      "Actor lost on server default has no topic header and no routing of its own: it would get nothing.",
    );
    expect(server.state).toBe("closed");
  });

  // BUG: neither the name of the header nor the topic in it is checked as other headers are.
  test.each<[string, () => Promise<unknown>]>([
    ["a topic with a line break", () => stage().app.send(defineOperation({ name: "a\r\nx-admin: 1" }), {})],
    [
      "a header that is no token",
      () => stage({ app: { topicHeader: "my topic" } }).app.send(defineOperation({ name: "a" }), {}),
    ],
    ["a header with a line break", () => stage().app.send(defineOperation({ name: "a", topicHeader: "a\nb" }), {})],
    ["an empty header name", () => stage().app.send(defineOperation({ name: "a", topicHeader: "" }), {})],
    [
      "the reserved header",
      () => stage({ app: { topicHeader: "millrace" } }).app.send(defineOperation({ name: "a" }), {}),
    ],
  ])("cannot be sent with %s", async (_, send) => {
    await expect((async () => send())()).rejects.toMatchObject({
      code: expect.stringMatching(/INVALID_(HEADER|OPTION)/),
    });
  });

  // BUG: an actor takes the empty topic that an operation refuses.
  test("an empty topic is refused for actors as it is for operations", () => {
    expect(() => defineOperation({ name: "a", topic: "" })).toThrow(OptionError);
    expect(() => createRouter().actor({ name: "a", topic: "" }, () => {})).toThrow(OptionError);
  });
});
