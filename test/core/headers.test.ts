import { defineOperation, InvalidHeaderError } from "millrace";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { stage } from "./stage.ts";

const operation = defineOperation({ name: "a" });

/** Every way to send headers. */
const ways: readonly [string, (headers: Record<string, string>) => Promise<unknown>][] = [
  ["send", (headers) => stage().app.send(operation, {}, { headers })],
  ["sendMany", (headers) => stage().app.sendMany(operation, [{}], { headers })],
  ["request", (headers) => stage().app.request(operation, {}, { headers })],
  ["publish", (headers) => stage().app.publish("x", "", { headers })],
  ["publishJson", (headers) => stage().app.publishJson("x", {}, { headers })],
];

describe("a header that cannot be sent", () => {
  for (const [way, send] of ways) {
    test.each<[string, unknown]>([
      ["", "x"],
      ["a b", "x"],
      ["a:b", "x"],
      ["a\r\nb", "x"],
      ["ü", "x"],
      ["x", "line\nbreak"],
      ["x", "line\rbreak"],
      ["x", "\0"],
      ["x", 5],
      ["x", null],
      ["x", { a: 1 }],
      ["millrace", "a=1"],
      ["MillRace", "a=1"],
    ])(`${way} refuses %j: %j with its name`, async (name, value) => {
      const error: unknown = await send({ ok: "1", [name]: value as string }).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(InvalidHeaderError);
      expect(error).toMatchObject({ code: "INVALID_HEADER", header: name });
      expect((error as Error).message).not.toMatch(/[\r\n\0]/);
    });
  }

  test("refuses the message as a whole: nothing is sent", async () => {
    const { app, stats } = stage();
    await expect(app.sendMany(operation, [1, 2], { headers: { "a b": "x" } })).rejects.toThrow(InvalidHeaderError);
    expect(await stats()).toMatchObject({ ready: 0 });
  });

  test("is refused in replies, too, which leaves the message to the decision table", async () => {
    const { app, workFor } = stage();
    const seen: unknown[] = [];
    app.actor({ operation }, async ({ message, reply }) => {
      for (const headers of [{ "a b": "x" }, { x: "a\nb" }, { Millrace: "a=1" }]) {
        await message.reply("{}", { headers }).catch((error: unknown) => seen.push(error));
        await reply({}, { headers }).catch((error: unknown) => seen.push(error));
      }
    });
    await app.send(operation, {}, { replyTo: "answers" });
    expect(await workFor(1000)).toMatchObject({ acked: 1 });
    expect(seen.map((error) => error instanceof InvalidHeaderError)).toEqual(Array(6).fill(true));
  });
});

describe("headers on their way", () => {
  test("keep names, case, order and values exactly; what is undefined is left out", async () => {
    const { app, workFor } = stage();
    const seen: unknown[] = [];
    app.actor({ operation }, ({ headers }) => void seen.push(Object.entries(headers)));
    const values: Record<string, string | undefined> = {
      ...{ "X-Tenant": " spaces ", "x-empty": "", "x-ü": undefined, tab: "\t", "x-utf": "ümlaut 💥" },
      ...{ "x-json": '{"a":1}', "x-long": "y".repeat(10_000), "X-TENANT2": "a,b;c=d" },
    };
    await app.send(operation, {}, { headers: values as Record<string, string> });
    await workFor(1000);
    const { "x-ü": _, ...sent } = values;
    expect(seen).toEqual([[...Object.entries(sent), ["topic", "a"]]]);
  });

  test("keep names that objects inherit, and show none that were not sent", async () => {
    const { app, workFor } = stage();
    const seen: unknown[] = [];
    app.actor({ operation }, ({ message, headers }) => {
      seen.push(Object.keys(headers), message.header("constructor"), message.header("Constructor"));
      seen.push(message.header("toString"), message.header("__proto__"), "valueOf" in headers);
    });
    await app.send(operation, {}, { headers: JSON.parse('{"constructor":"c","__proto__":"p"}') });
    await workFor(1000);
    expect(seen).toEqual([["constructor", "__proto__", "topic"], "c", "c", undefined, "p", false]);
  });

  test("survive a redelivery, and the bookkeeping of retries is never seen", async () => {
    const { app, workFor } = stage();
    const seen: unknown[] = [];
    app.actor({ operation, retry: { attempts: 3, backoff: 10 } }, ({ headers, attempt }) => {
      seen.push([attempt, { ...headers }]);
      throw new Error("no");
    });
    await app.send(operation, {}, { headers: { "X-A": "1" } });
    await workFor(5000);
    expect(seen).toEqual([1, 2, 3].map((attempt) => [attempt, { "X-A": "1", topic: "a" }]));
  });

  test("that the caller changes after sending stay as they were sent", async () => {
    const { app, workFor } = stage();
    const seen: unknown[] = [];
    app.actor({ operation }, ({ headers }) => void seen.push(headers["x"]));
    const headers: Record<string, string> = { x: "1" };
    const pending = app.send(operation, {}, { headers });
    headers["x"] = "2";
    await pending;
    await workFor(1000);
    expect(seen).toEqual(["1"]);
  });

  test("are looked up exactly first, else whatever their case", async () => {
    const { app, workFor } = stage();
    const seen: unknown[] = [];
    app.actor({ operation }, ({ message }) => {
      seen.push(...["X-A", "x-a", "X-a", "x-b", "X-B", "x-c"].map((name) => message.header(name)));
    });
    await app.send(operation, {}, { headers: { "X-A": "upper", "x-a": "lower", "X-B": "b" } });
    await workFor(1000);
    expect(seen).toEqual(["upper", "lower", "upper", "b", "b", undefined]);
  });
});

describe("headers by a schema", () => {
  test("are found in lower case when they came in another one, with the value of the exact name preferred", async () => {
    const { app, workFor } = stage();
    const seen: unknown[] = [];
    app.actor(
      { name: "a", headers: z.object({ "x-tenant": z.string(), "x-count": z.coerce.number().default(7) }) },
      ({ headers, message }) => void seen.push([headers, message.headers["X-Tenant"]]),
    );
    const send = (headers: Record<string, string>) =>
      app.publish("default", "{}", { headers: { topic: "a", ...headers } });
    await send({ "X-Tenant": "a", "X-Count": "3" });
    await send({ "X-Tenant": "b", "x-tenant": "exact" });
    await send({ "x-tenant": "c", "X-COUNT": "9" });
    await workFor(1000, { concurrency: 1 });
    expect(seen).toEqual([
      [{ "x-tenant": "a", "x-count": 3 }, "a"],
      [{ "x-tenant": "exact", "x-count": 7 }, "b"],
      [{ "x-tenant": "c", "x-count": 7 }, undefined],
    ]);
  });

  test("written in upper case are not found in lower case", async () => {
    const { app, workFor } = stage();
    app.actor({ name: "a", headers: z.object({ "X-Tenant": z.string() }) }, () => {});
    await app.publish("default", "{}", { headers: { topic: "a", "x-tenant": "a" } });
    expect(await workFor(1000)).toMatchObject({ nacked: 1 });
  });

  test("give what the schema makes of them, and message.headers what was sent", async () => {
    const { app, workFor } = stage();
    const seen: unknown[] = [];
    const actor = app.actor(
      { name: "a", headers: z.object({ n: z.string().transform(Number) }) },
      ({ headers, message }) => void seen.push(headers, { ...message.headers }),
    );
    await app.send(actor, {}, { headers: { n: "5" } });
    await workFor(1000);
    expect(seen).toEqual([{ n: 5 }, { n: "5", topic: "a" }]);
  });

  test("of a type that is no text are refused although the schema takes them", async () => {
    const { app } = stage();
    const actor = app.actor({ name: "a", headers: z.object({ n: z.number() }) }, () => {});
    await expect(app.send(actor, {}, { headers: { n: 5 } })).rejects.toThrow(
      'Header "n" cannot be sent: the value is not a string but number.',
    );
  });

  // BUG: the topic (and in requests the correlation id) that we add ourselves is not in the schema: what send took as
  // valid is dead-lettered by the actor.
  test("that allows no others takes what was sent by it", async () => {
    const { app, workFor } = stage();
    const actor = app.actor({ name: "a", headers: z.strictObject({ tenant: z.string() }) }, () => {});
    await app.send(actor, {}, { headers: { tenant: "x" } });
    expect(await workFor(1000)).toMatchObject({ acked: 1, nacked: 0 });
  });
});
