import { type ActorMiddleware, createApp, defineDependency } from "millrace";
import { inMemory } from "millrace/memory";
import * as z from "zod";
import { type Case, Counter, scaled } from "../case.ts";
import { payloadOf, payloadSchema } from "../message.ts";
import { flow, type Subject } from "./subject.ts";

const createBenchApp = () => createApp({ server: inMemory(), logger: false });

/** An app like that of the memory row, with one thing more. */
const subjects = {
  plain() {
    const [app, handled] = [createBenchApp(), new Counter()];
    const actor = app.actor({ name: "bench", payload: payloadSchema }, async () => handled.hit());
    return { app, handled, send: (index) => app.send(actor, payloadOf(index)) };
  },
  noSchema() {
    const [app, handled] = [createBenchApp(), new Counter()];
    const actor = app.actor({ name: "bench" }, async () => handled.hit());
    return { app, handled, send: (index) => app.send(actor, payloadOf(index)) };
  },
  middleware() {
    const [app, handled] = [createBenchApp(), new Counter()];
    const middleware: ActorMiddleware = async (_call, next) => await next();
    const actor = app.actor(
      { name: "bench", payload: payloadSchema, middleware: [middleware, middleware, middleware] },
      async () => handled.hit(),
    );
    return { app, handled, send: (index) => app.send(actor, payloadOf(index)) };
  },
  producerMiddleware() {
    const handled = new Counter();
    const app = createApp({
      server: inMemory(),
      logger: false,
      middleware: { producer: [async (_call, next) => await next()] },
    });
    const actor = app.actor({ name: "bench", payload: payloadSchema }, async () => handled.hit());
    return { app, handled, send: (index) => app.send(actor, payloadOf(index)) };
  },
  appDependency() {
    const [app, handled] = [createBenchApp(), new Counter()];
    const config = defineDependency({ scope: "app", resolve: () => ({ answer: 42 }) });
    const actor = app.actor({ name: "bench", payload: payloadSchema, deps: { config } }, async ({ deps }) => {
      if (deps.config.answer === 42) handled.hit();
    });
    return { app, handled, send: (index) => app.send(actor, payloadOf(index)) };
  },
  messageDependency() {
    const [app, handled] = [createBenchApp(), new Counter()];
    const config = defineDependency({ resolve: () => ({ answer: 42 }) });
    const actor = app.actor({ name: "bench", payload: payloadSchema, deps: { config } }, async ({ deps }) => {
      if (deps.config.answer === 42) handled.hit();
    });
    return { app, handled, send: (index) => app.send(actor, payloadOf(index)) };
  },
  headers() {
    const [app, handled] = [createBenchApp(), new Counter()];
    const headers = z.object({ "correlation-id": z.string() });
    const actor = app.actor({ name: "bench", payload: payloadSchema, headers }, async () => handled.hit());
    const options = { headers: { "correlation-id": "4711" } };
    return { app, handled, send: (index) => app.send(actor, payloadOf(index), options) };
  },
  timeout() {
    const [app, handled] = [createBenchApp(), new Counter()];
    const actor = app.actor({ name: "bench", payload: payloadSchema, timeout: "30s" }, async () => handled.hit());
    return { app, handled, send: (index) => app.send(actor, payloadOf(index)) };
  },
  retry() {
    const [app, handled] = [createBenchApp(), new Counter()];
    const actor = app.actor({ name: "bench", payload: payloadSchema, retry: 5 }, async () => handled.hit());
    return { app, handled, send: (index) => app.send(actor, payloadOf(index)) };
  },
  signal() {
    const [app, handled] = [createBenchApp(), new Counter()];
    const actor = app.actor({ name: "bench", payload: payloadSchema }, async ({ signal }) => {
      if (!signal.aborted) handled.hit();
    });
    return { app, handled, send: (index) => app.send(actor, payloadOf(index)) };
  },
  large: () => sized(10_000),
  huge: () => sized(100_000),
} satisfies Record<string, () => Subject>;

/** Payloads with a text of so many characters. */
function sized(length: number): Subject {
  const [app, handled] = [createBenchApp(), new Counter()];
  const schema = payloadSchema.extend({ text: z.string() });
  const actor = app.actor({ name: "bench", payload: schema }, async () => handled.hit());
  const text = "The mill grinds what the race brings. ".repeat(length).slice(0, length);
  return { app, handled, send: (index) => app.send(actor, { ...payloadOf(index), text }) };
}

export type PriceName = keyof typeof subjects;

/** Fewer of the large ones: they take long. */
const totals: Partial<Record<PriceName, number>> = { large: 40_000, huge: 5000 };

export function price(name: PriceName): Case {
  const total = totals[name] ?? 200_000;
  return (setting) => flow(subjects[name](), total / 5, scaled(total, setting));
}
