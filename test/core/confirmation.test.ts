import { type Confirmation, defineDependency, LeaseLostError, type Message } from "millrace";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { changeDeliveries, gate, never, type Stage, type StageOptions, stage } from "./stage.ts";

/** What happens, in order: the handler starts (`run`), the broker is told an outcome. */
type Step = "run" | "ack" | "nack" | "reject" | "retry";

const modes: readonly Confirmation[] = ["auto", "alwaysAck", "ackFirst", "manual", "explicit"];

/** A stage whose broker writes down what it is told. What goes back unseen by a handler is left out. */
function watched(options: StageOptions = {}): Stage & { readonly steps: Step[] } {
  const steps: Step[] = [];
  const record = changeDeliveries((delivery) => ({
    settle(outcome, note) {
      if (note?.started !== false) steps.push(typeof outcome === "string" ? outcome : "retry");
      return delivery.settle(outcome, note);
    },
  }));
  const { wrap } = options;
  const made = stage({ ...options, wrap: (server) => record(wrap === undefined ? server : wrap(server)) });
  return { ...made, steps };
}

const one = { concurrency: 1, prefetch: 0, messagesLimit: 1, signals: [] } as const;

interface Situation {
  readonly stage?: StageOptions;
  readonly payload?: string;
  /** Options of the actor beside its mode. */
  readonly options?: object;
  readonly handler?: (message: Message) => unknown;
  /** The worker is stopped without grace after a second. */
  readonly stopped?: boolean;
}

const broken = defineDependency({
  resolve: () => {
    throw new Error("no database");
  },
});

const situations: Readonly<Record<string, Situation>> = {
  success: { handler: () => "ack" },
  "the handler throws": {
    handler: () => {
      throw new Error("handler");
    },
  },
  "a dependency fails": { options: { deps: { broken } } },
  "a middleware throws": {
    options: {
      middleware: [
        () => {
          throw new Error("middleware");
        },
      ],
    },
  },
  "a middleware returns without next": { options: { middleware: [() => "reject"] } },
  "bytes that cannot be decoded": { payload: "{" },
  "a payload that does not fit": { payload: '{"n":"x"}', options: { payload: z.object({ n: z.number() }) } },
  timeout: {
    options: { timeout: 100 },
    handler: ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted")))),
  },
  "a forced shutdown": { handler: () => never, stopped: true },
  "delivered too often": { stage: { wrap: changeDeliveries(() => ({ deliveryCount: 21 })) } },
};

/** The table of `docs/confirmation.md`, line by line, as the broker sees it. */
const table: Readonly<Record<keyof typeof situations, Readonly<Record<Confirmation, readonly Step[]>>>> = {
  success: {
    auto: ["run", "ack"],
    alwaysAck: ["run", "ack"],
    ackFirst: ["ack", "run"],
    manual: ["run"],
    explicit: ["run", "ack"],
  },
  "the handler throws": {
    auto: ["run", "nack"],
    alwaysAck: ["run", "ack"],
    ackFirst: ["ack", "run"],
    manual: ["run"],
    explicit: ["run"],
  },
  "a dependency fails": { auto: ["nack"], alwaysAck: ["ack"], ackFirst: ["ack"], manual: [], explicit: [] },
  "a middleware throws": { auto: ["nack"], alwaysAck: ["ack"], ackFirst: ["ack"], manual: [], explicit: [] },
  "a middleware returns without next": {
    auto: ["ack"],
    alwaysAck: ["ack"],
    ackFirst: ["ack"],
    manual: [],
    explicit: ["reject"],
  },
  "bytes that cannot be decoded": {
    auto: ["nack"],
    alwaysAck: ["ack"],
    ackFirst: ["ack"],
    manual: ["nack"],
    explicit: ["nack"],
  },
  "a payload that does not fit": {
    auto: ["nack"],
    alwaysAck: ["ack"],
    ackFirst: ["ack"],
    manual: ["nack"],
    explicit: ["nack"],
  },
  timeout: {
    auto: ["run", "reject"],
    alwaysAck: ["run", "ack"],
    ackFirst: ["ack", "run"],
    manual: ["run", "reject"],
    explicit: ["run", "reject"],
  },
  "a forced shutdown": {
    auto: ["run", "reject"],
    alwaysAck: ["run", "reject"],
    ackFirst: ["ack", "run"],
    manual: ["run", "reject"],
    explicit: ["run", "reject"],
  },
  "delivered too often": {
    auto: ["nack"],
    alwaysAck: ["nack"],
    ackFirst: ["nack"],
    manual: ["nack"],
    explicit: ["nack"],
  },
};

const afterwards = { ack: "gone", nack: "dead", reject: "ready", retry: "delayed", none: "ready" } as const;

describe.each(modes)("confirmation %s", (confirmation) => {
  test.each(Object.keys(situations))("%s", async (name) => {
    const situation = situations[name]!;
    const { app, work, soon, clock, steps, stats } = watched(situation.stage);
    app.actor({ name: "a", ...situation.options, confirmation } as { readonly name: string }, ({ message }) => {
      steps.push("run");
      return situation.handler?.(message);
    });
    await app.publish("default", situation.payload ?? "{}", { headers: { topic: "a" } });
    const worker = await work({ ...one, ...(situation.stopped ? { shutdownTimeout: 0, cancelTimeout: 100 } : {}) });
    await clock.advance(1500);
    await soon(worker.stop());
    const expected = table[name]![confirmation];
    // What is left unsettled goes back when the worker stops, as a run without a result.
    const left = expected.every((step) => step === "run");
    expect(steps).toEqual(left ? [...expected, "reject"] : expected);
    const settled = steps.find((step) => step !== "run") ?? "none";
    const { ready, dead, inFlight } = await stats();
    const where = dead === 1 ? "dead" : ready === 1 ? "ready" : "gone";
    expect([where, inFlight]).toEqual([afterwards[settled], 0]);
  });

  test("a lost lease settles nothing", async () => {
    const { app, work, soon, clock, steps } = watched({
      memory: { leaseDuration: 3000 },
      wrap: changeDeliveries(() => ({
        lease: { duration: 3000, extend: () => Promise.reject(new LeaseLostError()) },
      })),
    });
    const reasons: unknown[] = [];
    const actor = app.actor({ name: "a", confirmation } as { readonly name: string }, async ({ signal }) => {
      steps.push("run");
      if (confirmation === "ackFirst") return "ack";
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      reasons.push(signal.reason);
      return "ack";
    });
    await app.send(actor, {});
    const worker = await work(one);
    await clock.advance(1500);
    await soon(worker.stop());
    // Acked first, it is not held any more when its lease would be renewed.
    expect(steps).toEqual(confirmation === "ackFirst" ? ["ack", "run"] : ["run"]);
    expect(reasons.length).toBe(confirmation === "ackFirst" ? 0 : 1);
    for (const reason of reasons) expect(reason).toBeInstanceOf(LeaseLostError);
  });

  test("an outcome that the handler chose itself stays, whatever it does then", async () => {
    for (const then of ["returns", "throws", "times out"] as const) {
      const { app, workFor, steps, logs } = watched();
      const actor = app.actor(
        { name: "a", confirmation, timeout: 100 } as { readonly name: string },
        async (context) => {
          steps.push("run");
          await context.message.reject();
          if (then === "throws") throw new Error("later");
          if (then === "times out")
            await new Promise<void>((resolve) => void context.signal.addEventListener("abort", () => resolve()));
          return "ack";
        },
      );
      await app.send(actor, {});
      await workFor(1500, { ...one, cancelTimeout: 0 });
      expect(steps).toEqual(confirmation === "ackFirst" ? ["ack", "run"] : ["run", "reject"]);
      expect(logs.of("handler.error").length).toBe(then === "throws" ? 1 : 0);
    }
  });
});

describe("confirmation manual", () => {
  test("says when a handler ends and has settled nothing, and only then", async () => {
    const { app, workFor, logs } = stage();
    const forgets = app.actor({ name: "forgets", confirmation: "manual" }, () => {});
    const settles = app.actor({ name: "settles", confirmation: "manual" }, ({ message }) => message.ack());
    await app.send(forgets, {});
    await app.send(settles, {});
    expect(await workFor(1000)).toMatchObject({ processed: 2, acked: 1 });
    expect(logs.of("message.unsettled").map(({ level, actor }) => [level, actor])).toEqual([["warn", "forgets"]]);
  });

  test.each([
    ["ack", { acked: 1 }],
    ["nack", { nacked: 1 }],
    ["reject", { rejected: 1 }],
  ] as const)("message.%s() after the handler has ended still counts while the lease lasts", async (action, counts) => {
    const { app, work, soon, clock } = stage();
    const kept: Message[] = [];
    const actor = app.actor({ name: "a", confirmation: "manual" }, async ({ message, deliveries }) => {
      if (deliveries > 1) await message.ack();
      else kept.push(message);
    });
    await app.send(actor, {});
    const worker = await work();
    await clock.advance(10_000);
    const [message] = kept;
    await message?.[action]();
    expect([message?.isSettled, message?.outcome, worker.counts]).toMatchObject([true, action, counts]);
    await soon(worker.stop());
  });

  test("afterwards settling is refused: the message comes to somebody else", async () => {
    const { app, work, soon, clock } = stage();
    const kept: Message[] = [];
    const actor = app.actor({ name: "a", confirmation: "manual" }, async ({ message, deliveries }) => {
      kept.push(message);
      if (deliveries > 1) await message.ack();
    });
    await app.send(actor, {});
    const worker = await work();
    await clock.advance(45_000);
    expect(kept.map(({ deliveries }) => deliveries)).toEqual([1, 2]);
    await expect(kept[0]?.ack()).rejects.toBeInstanceOf(LeaseLostError);
    expect(await soon(worker.stop())).toMatchObject({ acked: 1 });
  });

  test("onError and onTimeout decide where they are given", async () => {
    const { app, workFor, stats } = stage();
    const fails = app.actor({ name: "fails", confirmation: "manual", onError: "nack" }, () => {
      throw new Error("bad");
    });
    const slow = app.actor({ name: "slow", confirmation: "manual", timeout: 100, onTimeout: "nack" }, () => never);
    await app.send(fails, {});
    await app.send(slow, {});
    expect(await workFor(2000, { cancelTimeout: 0, shutdownTimeout: 0 })).toMatchObject({ nacked: 2 });
    expect((await app.deadLetters("default").list()).map(({ reason }) => reason.code).toSorted()).toEqual([
      "error",
      "timeout",
    ]);
    expect(await stats()).toMatchObject({ dead: 2, ready: 0 });
  });

  test("replying settles, and the rest of the handler changes nothing", async () => {
    const { app, workFor, stats } = stage();
    const actor = app.actor({ name: "a", confirmation: "manual" }, async ({ message }) => {
      await message.reply("{}");
      throw new Error("after the reply");
    });
    await app.send(actor, {}, { replyTo: "answers" });
    expect(await workFor(1000)).toMatchObject({ processed: 1, acked: 1, nacked: 0 });
    expect(await stats("answers")).toMatchObject({ ready: 1 });
  });
});

describe("confirmation explicit", () => {
  test("none leaves the message, without a warning, and it comes again when the lease ends", async () => {
    const { app, work, soon, clock, logs } = stage({ memory: { leaseDuration: 2000 } });
    const times: number[] = [];
    const actor = app.actor({ name: "a", confirmation: "explicit" }, () => {
      times.push(clock.monotonic());
      return times.length === 1 ? "none" : "ack";
    });
    await app.send(actor, {});
    const worker = await work();
    await clock.advance(5000);
    expect(times.length).toBe(2);
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(2000);
    expect(logs.of("message.unsettled")).toEqual([]);
    expect(await soon(worker.stop())).toMatchObject({ processed: 2, acked: 1 });
  });

  test("a returned nack is a dead letter with the reason rejected, and no error", async () => {
    const { app, workFor } = stage();
    const actor = app.actor({ name: "a", confirmation: "explicit" }, async () => "nack" as const);
    await app.send(actor, {});
    expect(await workFor(1000)).toMatchObject({ nacked: 1 });
    const [entry] = await app.deadLetters("default").list();
    expect(entry?.reason).toMatchObject({ code: "rejected", actor: "a", attempts: 1 });
    expect(entry?.reason.error).toBeUndefined();
  });
});

describe("confirmation ackFirst", () => {
  test("the ack is confirmed before the handler starts", async () => {
    const confirmed = gate();
    const { app, work, soon, clock } = stage({
      wrap: changeDeliveries((delivery) => ({
        settle: async (outcome, note) => {
          await confirmed.opened;
          await delivery.settle(outcome, note);
        },
      })),
    });
    const seen: unknown[] = [];
    const actor = app.actor({ name: "a", confirmation: "ackFirst" }, ({ message }) => {
      seen.push([message.isSettled, message.outcome]);
    });
    await app.send(actor, {});
    const worker = await work();
    await clock.advance(1000);
    expect(seen).toEqual([]);
    confirmed.open();
    await clock.advance(100);
    expect(seen).toEqual([[true, "ack"]]);
    expect(await soon(worker.stop())).toMatchObject({ processed: 1, acked: 1 });
  });

  // A message that was lost before its handler started is noted as a zombie (`Runner.noteLost`), which never ends.
  test("without a confirmed ack the handler never runs, and the message comes again", async () => {
    const { app, work, soon, clock } = stage({
      memory: { leaseDuration: 2000 },
      wrap: changeDeliveries((delivery) =>
        delivery.deliveryCount === 1
          ? { settle: () => Promise.reject(new LeaseLostError()) }
          : { settle: (outcome, note) => delivery.settle(outcome, note) },
      ),
    });
    const runs: number[] = [];
    const actor = app.actor({ name: "a", confirmation: "ackFirst" }, ({ deliveries }) => void runs.push(deliveries));
    await app.send(actor, {});
    const worker = await work();
    await clock.advance(10_000);
    expect(runs).toEqual([2]);
    expect(await soon(worker.stop())).toMatchObject({ processed: 1, acked: 1 });
  });

  test("what goes wrong afterwards is only logged", async () => {
    const { app, workFor, logs, stats } = stage();
    const actor = app.actor({ name: "a", confirmation: "ackFirst" }, () => {
      throw new Error("lost");
    });
    await app.send(actor, {});
    expect(await workFor(1000)).toMatchObject({ acked: 1, nacked: 0 });
    expect(logs.of("handler.error")).toMatchObject([{ level: "error", actor: "a", err: { message: "lost" } }]);
    expect(await stats()).toMatchObject({ ready: 0, dead: 0, inFlight: 0 });
  });
});

describe("the options that choose an outcome", () => {
  test("onError gets the error and the message", async () => {
    const { app, workFor } = stage();
    const seen: unknown[] = [];
    const failure = new Error("bad");
    const actor = app.actor(
      {
        name: "a",
        onError: (error, message) => {
          seen.push([error, message.id, message.attempt]);
          return "ack";
        },
      },
      () => Promise.reject(failure),
    );
    const { id } = await app.send(actor, {});
    expect(await workFor(1000)).toMatchObject({ acked: 1 });
    expect(seen).toEqual([[failure, id, 1]]);
  });

  test("onInvalid gets the error with its issues, and decides also for alwaysAck", async () => {
    const { app, workFor } = stage();
    const codes: unknown[] = [];
    const payload = z.object({ n: z.number() });
    app.actor(
      {
        name: "a",
        payload,
        onInvalid: (error) => {
          codes.push([error.code, "issues" in error ? error.issues[0]?.path : undefined]);
          return "ack";
        },
      },
      () => {},
    );
    app.actor({ name: "b", payload, confirmation: "alwaysAck", onInvalid: "nack" }, () => {});
    await app.publish("default", "{", { headers: { topic: "a" } });
    await app.publish("default", '{"n":"1"}', { headers: { topic: "a" } });
    await app.publish("default", "{}", { headers: { topic: "b" } });
    expect(await workFor(1000)).toMatchObject({ acked: 2, nacked: 1 });
    expect(codes.toSorted()).toEqual([
      ["DECODE_FAILED", undefined],
      ["VALIDATION_FAILED", ["n"]],
    ]);
  });

  test.each([
    ["alwaysAck", "onError"],
    ["alwaysAck", "onTimeout"],
    ["ackFirst", "onError"],
    ["ackFirst", "onTimeout"],
    ["ackFirst", "onInvalid"],
  ])("%s with %s is refused where it is written", (confirmation, option) => {
    const { app } = stage();
    const config = { name: "a", confirmation, [option]: "nack" } as unknown as { readonly name: string };
    expect(() => app.actor(config, () => {})).toThrow(/has no effect|have no effect/);
  });

  test.each([
    { confirmation: "sometimes" },
    { onError: "explode" },
    { onError: "none" },
    { onInvalid: "retry" },
    { onTimeout: "none" },
  ])("%j is refused where it is written", (options) => {
    const { app } = stage();
    const config = { name: "a", ...options } as unknown as { readonly name: string };
    expect(() => app.actor(config, () => {})).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
  });
});
