import assert from "node:assert/strict";
import { sleep, systemClock } from "../../../internal/clock.ts";
import type { SettleCode } from "../../../server/settle-reason.ts";
import { type AppCase, appCase } from "../app-case.ts";
import type { AppWorld, ServerApp } from "../app-world.ts";
import { type Numbered, numbered } from "../schema.ts";

/** Where the message is when everything is over. */
type End = { readonly gone: true } | { readonly dead: SettleCode };

const gone: End = { gone: true };
const name = "subject";

async function endsAs(world: AppWorld, app: ServerApp, end: End): Promise<void> {
  if ("dead" in end) {
    if (!world.world.supports("deadLetter")) return;
    assert.equal((await world.onlyDead(app)).reason.code, end.dead);
  } else if (world.world.supports("deadLetter")) {
    assert.equal(await world.dead(app).count(), 0, "nothing is dead-lettered");
  }
  await world.isEmpty();
}

/** Sends one message, runs its actor `runs` times, and looks where the message ended. */
function row(
  title: string,
  runs: number,
  end: End,
  register: (
    app: ServerApp,
    common: { readonly name: string; readonly channel: string; readonly payload: typeof numbered },
    seen: () => number,
  ) => unknown,
  send: (app: ServerApp, channel: string) => Promise<unknown> = (app, channel) =>
    app.publishJson(channel, { n: 1 } satisfies Numbered, { headers: { topic: name } }),
): AppCase {
  const check = async (world: AppWorld): Promise<void> => {
    const app = await world.app();
    let count = 0;
    register(app, { name, channel: world.channel, payload: numbered }, () => {
      count += 1;
      return count;
    });
    await send(app, world.channel);
    await world.run(app, { messagesLimit: Math.max(1, runs) });
    assert.equal(count, runs, "runs of the handler");
    await endsAs(world, app, end);
  };
  // What runs twice came back by a reject.
  return appCase(`outcome: ${title}`, runs > 1 ? ["reject"] : [], check);
}

const fail = (): never => {
  throw new RangeError("on purpose");
};

/** The run is counted, then it fails. */
const failAfter = (_run: number): never => fail();

export const outcomes: readonly AppCase[] = [
  row("success acks", 1, gone, (app, common, seen) => app.actor(common, () => void seen())),
  row("an error dead-letters", 1, { dead: "error" }, (app, common, seen) => app.actor(common, () => failAfter(seen()))),
  row("a rejected promise dead-letters", 1, { dead: "error" }, (app, common, seen) =>
    app.actor(common, async () => {
      seen();
      await sleep(systemClock, 1);
      fail();
    }),
  ),
  row("something thrown that is no error dead-letters", 1, { dead: "error" }, (app, common, seen) =>
    app.actor(common, () => {
      seen();
      throw undefined;
    }),
  ),
  row('onError "ack" acks', 1, gone, (app, common, seen) =>
    app.actor({ ...common, onError: "ack" }, () => failAfter(seen())),
  ),
  row('onError "reject" brings it back', 2, gone, (app, common, seen) =>
    app.actor({ ...common, onError: "reject" }, () => {
      if (seen() === 1) fail();
    }),
  ),
  row("onError as a function decides by the error", 1, gone, (app, common, seen) =>
    app.actor({ ...common, onError: (error) => (error instanceof RangeError ? "ack" : "nack") }, () =>
      failAfter(seen()),
    ),
  ),
  row("onError that throws dead-letters", 1, { dead: "error" }, (app, common, seen) =>
    app.actor(
      {
        ...common,
        onError: () => {
          throw new Error("in onError");
        },
      },
      () => failAfter(seen()),
    ),
  ),
  row("alwaysAck acks an error", 1, gone, (app, common, seen) =>
    app.actor({ ...common, confirmation: "alwaysAck" }, () => failAfter(seen())),
  ),
  row("ackFirst acks before the run", 1, gone, (app, common, seen) =>
    app.actor({ ...common, confirmation: "ackFirst" }, () => failAfter(seen())),
  ),
  row("manual: message.ack() acks", 1, gone, (app, common, seen) =>
    app.actor({ ...common, confirmation: "manual" }, async ({ message }) => {
      seen();
      await message.ack();
    }),
  ),
  row("manual: message.nack(error) dead-letters", 1, { dead: "error" }, (app, common, seen) =>
    app.actor({ ...common, confirmation: "manual" }, async ({ message }) => {
      seen();
      await message.nack(new Error("no"));
    }),
  ),
  row("manual: message.reject() brings it back", 2, gone, (app, common, seen) =>
    app.actor({ ...common, confirmation: "manual" }, ({ message }) =>
      seen() === 1 ? message.reject() : message.ack(),
    ),
  ),
  row('explicit: "ack" acks', 1, gone, (app, common, seen) =>
    app.actor({ ...common, confirmation: "explicit" }, () => (seen() > 0 ? "ack" : "none")),
  ),
  row('explicit: "nack" dead-letters', 1, { dead: "rejected" }, (app, common, seen) =>
    app.actor({ ...common, confirmation: "explicit" }, () => (seen() > 0 ? "nack" : "none")),
  ),
  row('explicit: "reject" brings it back', 2, gone, (app, common, seen) =>
    app.actor({ ...common, confirmation: "explicit" }, () => (seen() === 1 ? "reject" : "ack")),
  ),
  row("the first settlement wins over what is thrown later", 1, gone, (app, common, seen) =>
    app.actor(common, async ({ message }) => {
      seen();
      await message.ack();
      fail();
    }),
  ),
  row("the first settlement wins over a later one", 1, { dead: "error" }, (app, common, seen) =>
    app.actor(common, async ({ message }) => {
      seen();
      await message.nack(new Error("first"));
      await message.ack();
    }),
  ),
  row("a timeout brings it back, with the signal aborted", 2, gone, (app, common, seen) =>
    app.actor({ ...common, timeout: 100 }, async ({ signal }) => {
      if (seen() > 1) return;
      await sleep(systemClock, 20_000, signal);
      assert.equal(signal.aborted, true);
    }),
  ),
  row('onTimeout "nack" dead-letters', 1, { dead: "timeout" }, (app, common, seen) =>
    app.actor({ ...common, timeout: 100, onTimeout: "nack" }, async ({ signal }) => {
      seen();
      await sleep(systemClock, 20_000, signal);
    }),
  ),
  row("middleware that throws before next dead-letters", 0, { dead: "error" }, (app, common, seen) =>
    app.actor({ ...common, middleware: [() => fail()] }, () => void seen()),
  ),
  row("middleware that never calls next acks", 0, gone, (app, common, seen) =>
    app.actor({ ...common, middleware: [() => "enough"] }, () => void seen()),
  ),
  row("middleware may turn a failure into success", 1, gone, (app, common, seen) =>
    app.actor({ ...common, middleware: [(_call, next) => next().catch(() => "caught")] }, () => failAfter(seen())),
  ),
  row(
    "a payload that does not fit is dead-lettered, the handler not called",
    0,
    { dead: "invalid" },
    (app, common, seen) => app.actor(common, () => void seen()),
    (app, channel) => app.publishJson(channel, { n: "seven" }, { headers: { topic: name } }),
  ),
  row(
    'onInvalid "ack" acks',
    0,
    gone,
    (app, common, seen) => app.actor({ ...common, onInvalid: "ack" }, () => void seen()),
    (app, channel) => app.publishJson(channel, { n: "seven" }, { headers: { topic: name } }),
  ),
  row(
    "bytes that are no JSON are dead-lettered, the handler not called",
    0,
    { dead: "decode" },
    (app, common, seen) => app.actor(common, () => void seen()),
    (app, channel) => app.publish(channel, '{"n":', { contentType: "application/json", headers: { topic: name } }),
  ),
  row(
    "an unknown content type is dead-lettered",
    0,
    { dead: "decode" },
    (app, common, seen) => app.actor(common, () => void seen()),
    (app, channel) => app.publish(channel, "x", { contentType: "application/x-odd", headers: { topic: name } }),
  ),

  appCase("outcome: a dead letter tells who failed how, and keeps the bytes", ["deadLetter"], async (world) => {
    const app = await world.app();
    app.actor({ name, channel: world.channel, payload: numbered }, () => fail());
    const sent = await app.publishJson(world.channel, { n: 7 }, { headers: { topic: name, "x-trace": "é" } });
    await world.run(app, { messagesLimit: 1 });
    const entry = await world.onlyDead(app);
    assert.equal(entry.id, sent.id);
    assert.equal(entry.reason.actor, name);
    assert.equal(entry.reason.error?.name, "RangeError");
    assert.equal(entry.reason.error?.message, "on purpose");
    assert.deepEqual([entry.reason.attempts, entry.reason.deliveries], [1, 1]);
    assert.equal(new TextDecoder().decode(entry.payload), '{"n":7}');
    assert.equal(entry.headers["x-trace"], "é");
  }),

  appCase("outcome: the issues of a validation are in the dead letter", ["deadLetter"], async (world) => {
    const app = await world.app();
    app.actor({ name, channel: world.channel, payload: numbered }, () => {});
    await app.publishJson(world.channel, { n: "secret value" }, { headers: { topic: name } });
    await world.run(app, { messagesLimit: 1 });
    const { reason } = await world.onlyDead(app);
    assert.deepEqual(reason.issues, [{ message: "expected { n: number }", path: ["n"] }]);
    assert.ok(!JSON.stringify(reason).includes("secret value"), "the value itself is not repeated");
  }),

  appCase("outcome: what a manual actor leaves unsettled comes back when the worker is gone", [], async (world) => {
    const app = await world.app();
    let leaving = true;
    const ids: string[] = [];
    app.actor({ name, channel: world.channel, confirmation: "manual" }, async ({ message }) => {
      ids.push(message.id);
      if (!leaving) await message.ack();
    });
    const { id } = await app.publishJson(world.channel, {}, { headers: { topic: name } });
    await world.runUntil(app, "one run", () => ids.length === 1);
    leaving = false;
    await world.runUntil(app, "the second run", () => ids.length === 2);
    assert.deepEqual(ids, [id, id]);
    await world.isEmpty();
  }),

  appCase("outcome: one failure among many does not disturb the others", ["deadLetter"], async (world) => {
    const app = await world.app();
    const done: number[] = [];
    const actor = app.actor({ name, channel: world.channel, payload: numbered }, ({ payload: { n } }) => {
      if (n % 10 === 3) fail();
      done.push(n);
    });
    await app.sendMany(
      actor,
      Array.from({ length: 100 }, (_, n) => ({ n })),
    );
    const summary = await world.run(app, { messagesLimit: 100 });
    assert.deepEqual([summary.processed, summary.acked, summary.nacked], [100, 90, 10]);
    assert.equal(done.length, 90);
    assert.equal(await world.dead(app).count(), 10);
  }),

  appCase("outcome: dead letters replay through the app and then succeed", ["deadLetter"], async (world) => {
    const app = await world.app();
    let healthy = false;
    const seen: (readonly [number, number])[] = [];
    const actor = app.actor({ name, channel: world.channel, payload: numbered }, ({ payload, attempt }) => {
      seen.push([payload.n, attempt]);
      if (!healthy) fail();
    });
    await app.sendMany(actor, [{ n: 1 }, { n: 2 }]);
    await world.run(app, { messagesLimit: 2, concurrency: 1 });
    healthy = true;
    const ids = await world.dead(app).replay({ actor: name });
    assert.equal(ids.length, 2);
    await world.run(app, { messagesLimit: 2, concurrency: 1 });
    assert.deepEqual(
      seen.toSorted(([a], [b]) => a - b),
      [
        [1, 1],
        [1, 1],
        [2, 1],
        [2, 1],
      ],
    );
    assert.equal(await world.dead(app).count(), 0);
    await world.isEmpty();
  }),
];
