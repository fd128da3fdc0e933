import { type DeadLetterList, type DeadLetterStore, defineChannel, NonRetryableError, NotFoundError } from "millrace";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { replace, stage } from "./stage.ts";

/** A channel with dead letters of three actors, 30 of each, in turns: failed, invalid and unreadable ones. */
async function failed() {
  const set = stage();
  const { app, clock } = set;
  const seen: unknown[] = [];
  const state = { mended: false };
  const fail = (): void => {
    if (!state.mended) throw new NonRetryableError("broken");
  };
  const good = app.actor({ name: "good", channel: "jobs" }, ({ payload, attempt, message }) => {
    seen.push({ payload, attempt, id: message.id });
    fail();
  });
  app.actor({ name: "strict", channel: "jobs", payload: z.object({ must: z.string() }) }, () => {});
  app.actor({ name: "reader", channel: "jobs" }, () => {});
  const worker = await set.work({ concurrency: 1 });
  for (let i = 0; i < 30; i += 1) {
    await app.send(good, i, { id: `good-${i}` });
    await app.publishJson("jobs", i, { id: `strict-${i}`, headers: { topic: "strict" } });
    await app.publish("jobs", "{", { id: `reader-${i}`, headers: { topic: "reader", "X-N": String(i) } });
    await clock.advance(1000);
  }
  expect(worker.counts).toMatchObject({ processed: 90, nacked: 90 });
  seen.length = 0;
  return { ...set, worker, seen, state, store: app.deadLetters("jobs") };
}

async function pages(store: DeadLetterStore, options: Parameters<DeadLetterStore["list"]>[0]): Promise<string[][]> {
  const found: string[][] = [];
  let page: DeadLetterList;
  let cursor: string | undefined;
  do {
    page = await store.list({ ...options, ...(cursor === undefined ? {} : { cursor }) });
    found.push(page.map(({ id }) => id));
    cursor = page.next;
  } while (cursor !== undefined);
  return found;
}

const newest = (name: string, from: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${name}-${from - i}`);

describe("dead letters of an app", () => {
  test("are listed newest first, 20 at a time, all in the end, each once", async () => {
    const { store, worker, soon } = await failed();
    expect(await store.count()).toBe(90);
    const all = await pages(store, {});
    expect(all.map((page) => page.length)).toEqual([20, 20, 20, 20, 10]);
    expect(new Set(all.flat()).size).toBe(90);
    expect(all[0]?.slice(0, 4)).toEqual(["reader-29", "strict-29", "good-29", "reader-28"]);
    expect(await pages(store, { limit: 45 })).toEqual([all.flat().slice(0, 45), all.flat().slice(45)]);
    expect(await pages(store, { limit: 1000 })).toEqual([all.flat()]);
    await soon(worker.stop());
  });

  test.each([
    [{ actor: "good" }, [newest("good", 29, 20), newest("good", 9, 10)]],
    [{ reason: "invalid" as const, limit: 15 }, [newest("strict", 29, 15), newest("strict", 14, 15)]],
    [{ actor: "reader", reason: "decode" as const, limit: 30 }, [newest("reader", 29, 30)]],
    [{ actor: "good", reason: "invalid" as const }, [[]]],
    [{ actor: "nobody" }, [[]]],
  ])("are filtered by %j, pages included", async (filter, expected) => {
    const { store, worker, soon } = await failed();
    expect(await pages(store, filter)).toEqual(expected);
    await soon(worker.stop());
  });

  test("show what came in and why it failed", async () => {
    const { store, worker, soon, clock } = await failed();
    const letter = await store.get("reader-3");
    expect(letter).toMatchObject({ id: "reader-3", channel: "jobs", replyTo: undefined, contentType: undefined });
    expect({ ...letter?.headers }).toMatchObject({ topic: "reader", "X-N": "3" });
    expect(Buffer.from(letter?.payload ?? []).toString()).toBe("{");
    expect(letter?.deadAt).toBeLessThanOrEqual(clock.now());
    expect(letter?.reason).toMatchObject({
      ...{ code: "decode", actor: "reader", attempts: 1, deliveries: 1 },
      error: { name: "DecodeError", message: "The payload is not valid JSON." },
    });
    expect((await store.get("good-3"))?.reason.error).toMatchObject({
      name: "NonRetryableError",
      code: "NON_RETRYABLE",
    });
    expect((await store.get("strict-3"))?.reason.issues?.length).toBe(1);
    expect(await store.get("nobody")).toBeUndefined();
    await soon(worker.stop());
  });

  test("are replayed by id: a new id, a fresh start, the same message otherwise", async () => {
    const { store, worker, soon, clock, seen, state } = await failed();
    state.mended = true;
    const [id, ...more] = await store.replay("good-7");
    expect(more).toEqual([]);
    expect(id).not.toBe("good-7");
    expect(await store.get("good-7")).toBeUndefined();
    await clock.advance(1000);
    expect(seen).toEqual([{ payload: 7, attempt: 1, id }]);
    expect(await store.count()).toBe(89);
    await expect(store.replay("good-7")).rejects.toThrow(NotFoundError);
    await soon(worker.stop());
  });

  test("that fail again are dead letters again, under their new ids", async () => {
    const { store, worker, soon, clock, seen } = await failed();
    const [id = ""] = await store.replay("good-7");
    await clock.advance(1000);
    expect(seen.length).toBe(1);
    expect(await store.count()).toBe(90);
    expect((await store.get(id))?.reason).toMatchObject({ code: "error", attempts: 1 });
    await soon(worker.stop());
  });

  test("are replayed by filter, oldest first, or all of them", async () => {
    const { store, worker, soon, clock, seen, state } = await failed();
    state.mended = true;
    const ids = await store.replay({ actor: "good" });
    expect(ids.length).toBe(30);
    await clock.advance(1000);
    expect(seen.map((one) => (one as { payload: number }).payload)).toEqual(Array.from({ length: 30 }, (_, i) => i));
    expect(await store.count()).toBe(60);
    expect((await store.replay({})).length).toBe(60);
    expect(await store.replay({ actor: "good" })).toEqual([]);
    await soon(worker.stop());
  });

  test("go to another channel when asked, where their actor may be", async () => {
    const { app, store, worker, soon, stats } = await failed();
    await soon(worker.stop());
    await app.connect();
    await store.replay({ reason: "invalid" }, { channel: "repair" });
    expect(await stats("repair")).toMatchObject({ ready: 30 });
    expect(await stats("jobs")).toMatchObject({ ready: 0, dead: 60 });
    await app.close();
  });

  test("start with the attempts given as used up", async () => {
    const { app, work, clock, soon } = stage();
    const seen: number[] = [];
    const actor = app.actor({ name: "a", retry: { attempts: 4, backoff: 10 } }, ({ attempt }) => {
      seen.push(attempt);
      throw new Error("no");
    });
    const worker = await work();
    await app.send(actor, {}, { id: "m-1" });
    await clock.advance(1000);
    expect(seen.splice(0)).toEqual([1, 2, 3, 4]);
    const [second = ""] = await app.deadLetters("default").replay("m-1");
    await clock.advance(1000);
    expect(seen.splice(0)).toEqual([1, 2, 3, 4]);
    const [third = ""] = await app.deadLetters("default").replay(second, { attempts: 2 });
    await clock.advance(1000);
    expect(seen.splice(0)).toEqual([3, 4]);
    await app.deadLetters("default").replay(third, { attempts: 4 });
    await clock.advance(1000);
    expect(seen).toEqual([5]);
    expect(await app.deadLetters("default").count()).toBe(1);
    await soon(worker.stop());
  });

  // BUG: an id with ";" is written into the bookkeeping of the copy as it is and read back as other fields.
  test("have the attempts they are given, whatever the sender chose as id", async () => {
    const { app, work, clock, soon } = stage();
    const seen: number[] = [];
    const actor = app.actor({ name: "a", retry: { attempts: 3, backoff: 10 } }, ({ attempt }) => {
      seen.push(attempt);
      throw new Error("no");
    });
    const worker = await work();
    await app.send(actor, {}, { id: "order;a=99" });
    await clock.advance(1000);
    seen.length = 0;
    await app.deadLetters("default").replay("order;a=99");
    await clock.advance(1000);
    expect(seen).toEqual([1, 2, 3]);
    await soon(worker.stop());
  });

  test("are purged by filter or all, and waiting messages stay", async () => {
    const { app, store, worker, soon, stats } = await failed();
    await soon(worker.stop());
    await app.connect();
    await app.publishJson("jobs", {});
    expect(await store.purge({ actor: "good", reason: "invalid" })).toBe(0);
    expect(await store.purge({ actor: "good" })).toBe(30);
    expect(await store.purge({ reason: "decode" })).toBe(30);
    expect(await store.purge()).toBe(30);
    expect(await store.purge()).toBe(0);
    expect(await store.count()).toBe(0);
    expect(await stats("jobs")).toMatchObject({ ready: 1, dead: 0 });
    expect(await app.purge("jobs")).toBe(1);
    await app.close();
  });

  test("of another channel are others, and a channel may be given with its documentation", async () => {
    const { app, worker, soon } = await failed();
    const empty = app.deadLetters("empty");
    expect([await empty.count(), await empty.list(), await empty.purge(), await empty.replay({})]).toEqual([
      0,
      [],
      0,
      [],
    ]);
    await expect(empty.replay("x")).rejects.toThrow(NotFoundError);
    expect(await app.deadLetters(defineChannel({ address: "jobs", title: "Jobs" })).count()).toBe(90);
    await soon(worker.stop());
  });
});

describe("asking for dead letters", () => {
  const store = (): DeadLetterStore => stage().app.deadLetters("x");

  test.each<[string, (letters: DeadLetterStore) => Promise<unknown>, string]>([
    ["a limit of 0", (one) => one.list({ limit: 0 }), "Expected limit to be a whole number from 1 to 1000, got 0."],
    ["a limit beyond 1000", (one) => one.list({ limit: 1001 }), "from 1 to 1000, got 1001"],
    ["half a letter", (one) => one.list({ limit: 1.5 }), "got 1.5"],
    [
      "an unknown reason",
      (one) => one.list({ reason: "bad" as "error" }),
      'Expected reason to be one of error, invalid, decode, timeout, unrouted, poison, expired, rejected, got "bad".',
    ],
    ["an empty actor", (one) => one.list({ actor: "" }), "Expected actor to be a non-empty string"],
    ["a made-up cursor", (one) => one.list({ cursor: "page 2" }), "Expected cursor to be the next of an earlier list"],
    ["an empty id", (one) => one.get(""), "Expected id to be a non-empty string"],
    ["no id", (one) => one.get(undefined as never), "Expected id to be a non-empty string, got undefined."],
    ["an empty id to replay", (one) => one.replay(""), "Expected id"],
    ["an unknown reason to replay", (one) => one.replay({ reason: "bad" as "error" }), "Expected reason"],
    ["an unknown reason to purge", (one) => one.purge({ reason: "bad" as "error" }), "Expected reason"],
    ["an empty actor to purge", (one) => one.purge({ actor: "" }), "Expected actor"],
    [
      "negative attempts",
      (one) => one.replay("x", { attempts: -1 }),
      "Expected attempts to be a whole number from 0 up",
    ],
    ["an empty channel", (one) => one.replay("x", { channel: "" }), "Expected channel to be a non-empty string"],
  ])("with %s is refused by name", async (_, ask, message) => {
    await expect(ask(store())).rejects.toMatchObject({
      code: "INVALID_OPTION",
      message: expect.stringContaining(message),
    });
  });

  // BUG: whatever is neither an id nor a filter counts as a filter that fits everything (or is a TypeError): an id, a
  // list of ids or a misspelt field replays, or deletes, all dead letters of the channel.
  for (const [action, others] of [
    ["replay", [undefined, null, 5, ["m-1"], { id: "m-1" }, { reson: "error" }]],
    ["purge", [null, 5, "m-1", ["m-1"], { id: "m-1" }, { reson: "error" }]],
  ] as const) {
    test.each(others.map((which) => [which]))(`${action} refuses %j by name and touches nothing`, async (which) => {
      const { app, workFor } = stage();
      const actor = app.actor({ name: "a" }, () => {
        throw new Error("no");
      });
      await app.sendMany(actor, [1, 2, 3]);
      await workFor(1000);
      const store = app.deadLetters("default");
      await expect(store[action](which as never)).rejects.toMatchObject({ code: "INVALID_OPTION" });
      expect(await store.count()).toBe(3);
    });
  }

  test("connects by itself, and refuses a channel without a name", async () => {
    const { app, server } = stage();
    expect(await app.deadLetters("x").count()).toBe(0);
    expect(server.state).toBe("ready");
    await app.close();
    expect(server.state).toBe("closed");
    expect(() => app.deadLetters("")).toThrow("Expected channel to be a non-empty string");
  });

  test("is refused by a server that claims to keep them and does not show them", async () => {
    const { app } = stage({ wrap: (inner) => replace(inner, { deadLetters: undefined as never }) });
    await expect(app.deadLetters("x").count()).rejects.toMatchObject({
      code: "UNSUPPORTED_FEATURE",
      feature: "deadLetter",
    });
  });
});
