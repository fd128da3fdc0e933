import type { ActorMiddleware } from "millrace";
import { describe, expect, test } from "vitest";
import { stage } from "../core/stage.ts";

const broken = new Error("broken middleware");

const throwing: Record<string, ActorMiddleware> = {
  "throws before next": () => {
    throw broken;
  },
  "rejects before next": async () => {
    throw broken;
  },
  "throws after next": async (_, next) => {
    await next();
    throw broken;
  },
};

describe("W1: settling happens outside the middleware", () => {
  for (const [what, middleware] of Object.entries(throwing)) {
    for (const place of ["app", "router", "actor"] as const) {
      test(`an ${place} middleware that ${what} leaves no message unsettled`, async () => {
        const { app, workFor, stats, clock } = stage(
          place === "app" ? { app: { middleware: { actor: [middleware] } } } : {},
        );
        const actor = app.actor(
          { name: "a", onError: "nack", ...(place === "app" ? {} : { middleware: [middleware] }) },
          () => {},
        );
        await app.send(actor, {});
        expect(await workFor(1000)).toMatchObject({ processed: 1, nacked: 1 });
        expect(await stats()).toMatchObject({ ready: 0, inFlight: 0, dead: 1 });
        expect((await app.deadLetters("default").list())[0]?.reason).toMatchObject({
          code: "error",
          error: { message: "broken middleware" },
        });
        await clock.advance("5m");
        expect(await stats()).toMatchObject({ ready: 0, dead: 1 });
        await app.close();
      });
    }
  }

  test("a middleware that never calls next succeeds in place of the actor, and the message is acked", async () => {
    const { app, workFor, stats } = stage();
    let ran = 0;
    const actor = app.actor({ name: "a", middleware: [() => "cached"] }, () => {
      ran += 1;
    });
    await app.send(actor, {});
    expect(await workFor(1000)).toMatchObject({ processed: 1, acked: 1 });
    expect(ran).toBe(0);
    expect(await stats()).toMatchObject({ ready: 0, inFlight: 0, dead: 0 });
  });

  test("in mode explicit the value of a middleware that never calls next is the outcome", async () => {
    const { app, workFor, stats } = stage();
    const actor = app.actor({ name: "a", confirmation: "explicit", middleware: [() => "nack"] }, () => "ack");
    await app.send(actor, {});
    expect(await workFor(1000)).toMatchObject({ nacked: 1, acked: 0 });
    expect(await stats()).toMatchObject({ dead: 1 });
  });

  test("a middleware that swallows the error of the actor makes the run a success", async () => {
    const { app, workFor } = stage();
    const swallow: ActorMiddleware = (_, next) => next().catch(() => "swallowed");
    const actor = app.actor({ name: "a", middleware: [swallow] }, () => {
      throw broken;
    });
    await app.send(actor, {});
    expect(await workFor(1000)).toMatchObject({ acked: 1, nacked: 0 });
  });

  test("a middleware sees the result of the actor before the message is settled, and the outcome by afterSettle", async () => {
    const { app, workFor } = stage();
    const seen: unknown[] = [];
    const watch: ActorMiddleware = async ({ message }, next) => {
      message.afterSettle((outcome) => void seen.push(["settled", outcome]));
      const result = await next();
      seen.push(["result", result, message.isSettled]);
      return result;
    };
    const actor = app.actor({ name: "a", middleware: [watch] }, () => 42);
    await app.send(actor, {});
    await workFor(1000);
    expect(seen).toEqual([
      ["result", 42, false],
      ["settled", "ack"],
    ]);
  });

  test("afterSettle also tells a middleware that asks when the message is already settled", async () => {
    const { app, workFor } = stage();
    const seen: unknown[] = [];
    const late: ActorMiddleware = async ({ actor, message }, next) => {
      await next();
      message.afterSettle((outcome) => void seen.push([actor.name, outcome]));
    };
    const early = app.actor({ name: "eager", middleware: [late] }, ({ message }) => message.nack());
    const first = app.actor({ name: "first", confirmation: "ackFirst", middleware: [late] }, () => {});
    await app.send(early, {});
    await app.send(first, {});
    await workFor(1000);
    expect(seen).toHaveLength(2);
    expect(seen).toEqual(
      expect.arrayContaining([
        ["eager", "nack"],
        ["first", "ack"],
      ]),
    );
  });
});
