import type { ActorMiddleware, Codec, Routing } from "millrace";
import { jsonCodec } from "millrace";
import { expect, test } from "vitest";
import { type ActorCall, composeActor, composeProducer } from "../../src/contract/middleware.ts";
import { stage } from "../core/stage.ts";

test("W29: routing is made once per actor and worker, not per message", async () => {
  let made = 0;
  const routing: Routing = () => {
    made += 1;
    return () => true;
  };
  const { app, workFor } = stage();
  const actor = app.actor({ name: "a", routing }, () => {});
  for (let i = 0; i < 100; i += 1) await app.send(actor, {});
  expect(await workFor(1000)).toMatchObject({ acked: 100 });
  expect(made).toBe(1);
});

test("W29: the chain of middleware is put together once, and each message passes each middleware once", async () => {
  const calls: string[] = [];
  const named =
    (name: string): ActorMiddleware =>
    (_, next) => {
      calls.push(name);
      return next();
    };
  const list = [named("one"), named("two")];
  let read = 0;
  const counted = new Proxy(list, {
    get(target, key) {
      if (key === "0") read += 1;
      return Reflect.get(target, key);
    },
  });
  const { app, workFor } = stage();
  const actor = app.actor({ name: "a", middleware: counted }, () => {});
  await app.send(actor, {});
  const before = read;
  for (let i = 0; i < 99; i += 1) await app.send(actor, {});
  await workFor(1000);
  expect(read).toBe(before);
  expect(calls.length).toBe(200);
});

test("W29: without middleware nothing stands between the runner and the actor", () => {
  const leaf = (): string => "result";
  expect(composeActor<ActorCall>([], leaf, () => {})).toBe(leaf);
  const end = async () => ({ id: "1", server: "s", channel: "c" });
  expect(composeProducer([], end)).toBe(end);
});

test("W29: a synchronous actor is run without a promise per message when it has no middleware", async () => {
  const { app, workFor } = stage();
  let depth = 0;
  let most = 0;
  const actor = app.actor({ name: "a" }, () => {
    depth += 1;
    most = Math.max(most, depth);
    depth -= 1;
  });
  for (let i = 0; i < 5000; i += 1) await app.send(actor, {});
  expect(await workFor(5000)).toMatchObject({ acked: 5000 });
  expect(most).toBe(1);
});

test("W29: the codec of an actor is looked up when it is compiled, and asked per message only what it must", async () => {
  let asked = 0;
  const codec: Codec = {
    ...jsonCodec,
    accepts: (mediaType) => {
      asked += 1;
      return jsonCodec.accepts(mediaType);
    },
  };
  const { app, workFor } = stage();
  const actor = app.actor({ name: "a", codec }, () => {});
  for (let i = 0; i < 100; i += 1) await app.send(actor, {});
  await workFor(1000);
  expect(asked).toBeLessThan(5);
});
