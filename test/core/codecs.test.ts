import { type Codec, createRouter, DecodeError, defineOperation, EncodeError } from "millrace";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { type StageOptions, stage } from "./stage.ts";

/** A codec that marks what went through it. */
function marking(name: string): Codec {
  const contentType = `application/x-${name}`;
  return {
    contentType,
    accepts: (mediaType) => mediaType === contentType,
    encode: (value) => Buffer.from(`${name}:${JSON.stringify(value)}`),
    decode(payload) {
      const text = Buffer.from(payload).toString();
      if (!text.startsWith(`${name}:`)) throw new RangeError(`not of ${name}`);
      return { [name]: JSON.parse(text.slice(name.length + 1)) as unknown };
    },
  };
}

describe("a codec of one's own", () => {
  test.each<[string, string]>([
    ["app", "app"],
    ["router", "router"],
    ["operation", "operation"],
    ["actor", "actor"],
  ])("nearest wins, here that of the %s, for what is sent and what is received", async (nearest, name) => {
    const levels = ["app", "router", "operation", "actor"];
    const used = levels.slice(0, levels.indexOf(nearest) + 1);
    const codec = (level: string): { codec?: Codec } => (used.includes(level) ? { codec: marking(level) } : {});
    const { app, workFor } = stage({ app: codec("app") });
    const seen: unknown[] = [];
    const router = createRouter(codec("router"));
    const operation = defineOperation({ name: "a", ...codec("operation") });
    const actor = router.actor({ operation, ...codec("actor") }, ({ payload, message }) => {
      seen.push([payload, message.contentType]);
    });
    app.include(router);
    await app.send(actor, { n: 1 });
    expect(await workFor(1000)).toMatchObject({ acked: 1 });
    expect(seen).toEqual([[{ [name]: { n: 1 } }, `application/x-${name}`]]);
  });

  test("of the app encodes operations without one and publishJson, and not bytes", async () => {
    const { app, workFor } = stage({ app: { codec: marking("app") } });
    const seen: unknown[] = [];
    app.actor({ name: "all", routing: () => () => true }, ({ payload, message }) => {
      seen.push([payload, message.contentType]);
    });
    await app.send(defineOperation({ name: "one" }), 1);
    await app.send(defineOperation({ name: "two", codec: marking("operation") }), 2).catch(() => {});
    await app.publishJson("default", 3);
    await app.publish("default", "4");
    await workFor(1000, { concurrency: 1 });
    expect(seen).toEqual([
      [{ app: 1 }, "application/x-app"],
      [{ app: 3 }, "application/x-app"],
      [4, undefined],
    ]);
  });

  test("of the actor encodes its replies, and the asker reads them by the same operation", async () => {
    const { app, work, soon } = stage();
    const operation = defineOperation({ name: "a", codec: marking("op"), reply: z.object({ op: z.number() }) });
    app.actor({ operation }, ({ payload }) => (payload as { op: number }) && { op: 5 });
    const worker = await work();
    // The mark wraps the value once more on its way back.
    await expect(soon(app.request(operation, 1, { timeout: "5s" }))).rejects.toMatchObject({
      code: "VALIDATION_FAILED",
    });
    await soon(worker.stop());
  });

  // BUG: the replies of actors are encoded with the codec of the app, which the asker does not know.
  test("of the app is understood in replies to requests by operation", async () => {
    const { app, work, soon } = stage({ app: { codec: marking("app") } });
    const operation = defineOperation({ name: "a" });
    app.actor({ operation }, async ({ reply }) => reply(5));
    const worker = await work();
    expect(await soon(app.request(operation, 1, { timeout: "5s" }))).toEqual({ app: 5 });
    await soon(worker.stop());
  });

  test("that cannot decode, or throws while encoding, is an error of the input and of the send", async () => {
    const { app, workFor, stats } = stage();
    const broken: Codec = {
      ...marking("broken"),
      encode: () => {
        throw new EncodeError("no such type", "a.b");
      },
    };
    const actor = app.actor({ name: "a", codec: broken }, () => {});
    await expect(app.send(actor, {})).rejects.toMatchObject({ code: "ENCODE_FAILED", path: "a.b" });
    expect(await stats()).toMatchObject({ ready: 0 });
    await app.publish("default", "wrong", { headers: { topic: "a" }, contentType: "application/x-broken" });
    await workFor(1000);
    const [letter] = await app.deadLetters("default").list();
    expect(letter?.reason).toMatchObject({ code: "decode", error: { cause: { message: "not of broken" } } });
  });
});

describe("what was received and cannot be read", () => {
  const utf16 = Buffer.from('{"a":1}', "utf16le");

  test.each<[string, string | Uint8Array, string | undefined]>([
    ["no JSON", "hello", undefined],
    ["cut JSON", '{"a":', "application/json"],
    ["NaN", "NaN", "application/json"],
    ["invalid UTF-8", Buffer.from([0x22, 0xff, 0x22]), undefined],
    ["another character set", "{}", "application/json; charset=latin1"],
    ["UTF-16", utf16, "application/json"],
    ["an unknown content type", "{}", "application/xml"],
    ["a content type that is a name of Object", "{}", "constructor"],
    ["a hundred thousand open brackets", "[".repeat(100_000), undefined],
  ])(
    "%s: dead-lettered with its bytes, the handler and the retry policy not asked",
    async (_, payload, contentType) => {
      const { app, workFor, logs } = stage();
      let runs = 0;
      app.actor({ name: "a", retry: 5 }, () => {
        runs += 1;
      });
      await app.publish("default", payload, {
        headers: { topic: "a" },
        ...(contentType === undefined ? {} : { contentType }),
      });
      expect(await workFor(1000)).toMatchObject({ processed: 1, nacked: 1 });
      expect(runs).toBe(0);
      const [letter] = await app.deadLetters("default").list();
      expect(letter?.reason).toMatchObject({ code: "decode", attempts: 1, error: { name: "DecodeError" } });
      expect(Buffer.from(letter?.payload ?? [])).toEqual(Buffer.from(payload));
      expect(logs.of("message.decode.failed").length).toBe(1);
    },
  );

  test("deep nesting that can be read reaches the handler, and a schema that overflows on it ends as a dead letter", async () => {
    const { app, workFor } = stage();
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    type Tree = readonly Tree[];
    const tree: z.ZodType<Tree> = z.lazy(() => z.array(tree));
    let runs = 0;
    app.actor({ name: "plain" }, () => {
      runs += 1;
    });
    app.actor({ name: "strict", payload: tree }, () => {
      runs += 1;
    });
    for (const topic of ["plain", "strict"]) await app.publish("default", deep, { headers: { topic } });
    expect(await workFor(1000)).toMatchObject({ processed: 2, acked: 1, nacked: 1 });
    expect(runs).toBe(1);
  });

  // BUG: the same for the policies: a schema that throws at once is invalid input, one that rejects is an error of the
  // handler and tried again. zod does the latter when it overflows, since it then tries the asynchronous way.
  test("a schema that overflows is invalid input, which is not tried again", async () => {
    const { app, workFor } = stage();
    type Tree = readonly Tree[];
    const tree: z.ZodType<Tree> = z.lazy(() => z.array(tree));
    app.actor({ name: "a", payload: tree, retry: { attempts: 5, backoff: 1 } }, () => {});
    await app.publish("default", `${"[".repeat(100_000)}${"]".repeat(100_000)}`, { headers: { topic: "a" } });
    expect(await workFor(1000)).toMatchObject({ processed: 1, nacked: 1 });
  });

  test("an empty body is an empty object, text is text, bytes are bytes", async () => {
    const { app, workFor } = stage();
    const seen: unknown[] = [];
    app.actor({ name: "a" }, ({ payload }) => void seen.push(payload));
    const headers = { topic: "a" };
    await app.publish("default", "", { headers });
    await app.publish("default", "", { headers, contentType: "text/plain" });
    await app.publish("default", "ümlaut", { headers, contentType: "text/plain; charset=UTF-8" });
    await app.publish("default", new Uint8Array([0, 255]), { headers, contentType: "application/octet-stream" });
    await app.publish("default", "\ufeff[1]", { headers, contentType: "application/vnd.x+json" });
    await workFor(1000, { concurrency: 1 });
    expect(seen.map((one) => (one instanceof Uint8Array ? [...one] : one))).toEqual([{}, "", "ümlaut", [0, 255], [1]]);
  });

  test("a key that would change prototypes never gets to the handler", async () => {
    const { app, workFor } = stage();
    const seen: unknown[] = [];
    app.actor({ name: "a" }, ({ payload }) => {
      const merged = Object.assign({}, payload, (payload as { nested: object }).nested) as { admin?: boolean };
      seen.push(merged.admin, ({} as { admin?: boolean }).admin);
    });
    const text = '{"__proto__":{"admin":true},"nested":{"\\u005f_proto__":{"admin":true}}}';
    await app.publish("default", text, { headers: { topic: "a" } });
    await workFor(1000);
    expect(seen).toEqual([undefined, undefined]);
  });
});

describe("maxPayloadBytes", () => {
  const small: StageOptions = { app: { maxPayloadBytes: 10 } };
  const large = "x".repeat(9);

  test("payloads up to it are sent and received, larger ones are refused with the sizes", async () => {
    const { app, workFor, stats } = stage(small);
    const actor = app.actor({ name: "a" }, () => {});
    await app.send(actor, "x".repeat(8));
    expect(await workFor(1000)).toMatchObject({ acked: 1 });
    const refusal = { code: "ENCODE_FAILED", message: expect.stringMatching(/11 bytes.*maxPayloadBytes \(10\)/) };
    await app.connect();
    await expect(app.send(actor, large)).rejects.toMatchObject(refusal);
    await expect(app.sendMany(actor, ["", large])).rejects.toMatchObject(refusal);
    await expect(app.publishJson("default", large)).rejects.toMatchObject(refusal);
    expect(await stats()).toMatchObject({ ready: 0 });
    await app.close();
  });

  test("counts bytes, not characters", async () => {
    const { app } = stage(small);
    await expect(app.publishJson("default", "üüüüü")).rejects.toThrow(/12 bytes/);
  });

  test("is one mebibyte unless said otherwise, and may be lifted", async () => {
    const { app } = stage();
    await app.publishJson("default", "x".repeat(2 ** 20 - 2));
    await expect(app.publishJson("default", "x".repeat(2 ** 20 - 1))).rejects.toThrow(EncodeError);
    const { app: other } = stage({ app: { maxPayloadBytes: Number.POSITIVE_INFINITY } });
    await other.publishJson("default", "x".repeat(2 ** 20 + 1));
  });

  test("larger ones that others sent are dead-lettered without being decoded", async () => {
    let decoded = 0;
    const codec: Codec = {
      ...marking("x"),
      accepts: () => true,
      decode: () => {
        decoded += 1;
      },
    };
    const { app, other, workFor } = stage({ app: { maxPayloadBytes: 10, codec } });
    app.actor({ name: "a" }, () => {});
    await other().publish("default", "x".repeat(11), { headers: { topic: "a" } });
    await other().publish("default", "x".repeat(10), { headers: { topic: "a" } });
    expect(await workFor(1000)).toMatchObject({ nacked: 1, acked: 1 });
    expect(decoded).toBe(1);
    const [letter] = await app.deadLetters("default").list();
    expect(letter?.reason).toMatchObject({ code: "decode", error: { message: expect.stringContaining("11 bytes") } });
    expect(letter?.payload.byteLength).toBe(11);
  });

  test("bytes that are larger are not sent", async () => {
    const { app } = stage(small);
    await expect(app.publish("default", "x".repeat(11))).rejects.toMatchObject({ code: "ENCODE_FAILED" });
  });

  // BUG: replies of any size are sent.
  test.each(["reply", "bytes", "value", "returned"])("replies that are larger are not sent: %s", async (kind) => {
    const { app, workFor, stats } = stage(small);
    const value = "x".repeat(100);
    const operation = defineOperation({ name: "a", reply: z.string().optional() });
    app.actor({ operation }, async ({ message, reply }) => {
      if (kind === "reply") await reply(value);
      if (kind === "bytes") await message.reply(value);
      if (kind === "value") await message.replyValue(value);
      return value;
    });
    await app.send(operation, 1, { replyTo: "answers" });
    expect(await workFor(1000)).toMatchObject({ nacked: 1 });
    expect(await stats("answers")).toMatchObject({ ready: 0 });
  });

  // BUG: replies are decoded whatever their size.
  test("replies of others that are larger are not decoded", async () => {
    const { app, other, work, soon } = stage(small);
    const responder = other();
    const operation = defineOperation({ name: "a", reply: z.string() });
    responder.actor({ operation }, () => "x".repeat(1000));
    const worker = await work({}, responder);
    await expect(soon(app.request(operation, 1, { timeout: "5s" }))).rejects.toThrow(DecodeError);
    await soon(worker.stop());
  });
});
