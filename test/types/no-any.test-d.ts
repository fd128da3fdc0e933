// No `any` in what users meet: every member of the public interfaces is followed down to its properties, parameters and
// results. The exceptions are named below.
import type * as millrace from "millrace";
import { type App, createApp, createRouter, defineDependency, defineOperation } from "millrace";
import { inMemory } from "millrace/memory";
import { sqlite } from "millrace/sqlite";
import * as z from "zod";
import { type AnyPaths, check, type Equal, type IsAny } from "./stage.test-d.ts";

// The tool itself finds them.
check<
  Equal<AnyPaths<{ a: { b(x: Promise<unknown[]>): [{ c: ReturnType<typeof JSON.parse> }] } }>, ".a.b => [].c: any">
>();
check<Equal<AnyPaths<(x: ReturnType<typeof JSON.parse>) => void>, "()[]: any">>();
check<Equal<AnyPaths<{ a: unknown; b: never; c?: string }>, never>>();

const user = defineDependency({ payload: z.object({ id: z.int() }), resolve: async ({ payload }) => payload.id });
const ask = defineOperation({ name: "ask", payload: z.object({ q: z.string() }), reply: z.object({ a: z.string() }) });
const router = createRouter({ retry: 3 });
const actor = router.actor({ name: "a", payload: z.object({ n: z.coerce.number() }), deps: { user } }, (context) => {
  check<Equal<AnyPaths<typeof context>, never>>();
  return context.payload.n;
});
const app = createApp({ servers: { main: inMemory(), local: sqlite({ path: "jobs.db" }) }, defaultServer: "main" });

check<Equal<AnyPaths<typeof user>, never>>();
check<Equal<AnyPaths<(typeof actor)["~types"]>, never>>();
check<Equal<AnyPaths<typeof actor.handler>, never>>();
check<Equal<AnyPaths<typeof router>, never>>();
check<Equal<AnyPaths<typeof app>, never>>();
check<Equal<AnyPaths<App>, never>>();
check<Equal<AnyPaths<typeof app.servers>, never>>();

/** The parameters but the operation, which holds schemas and with them what their library is made of. */
type AfterTarget<F> = F extends (to: never, ...rest: infer Rest) => unknown ? Rest : never;
check<Equal<AfterTarget<typeof app.send<typeof ask>>[0], { q: string }>>();
check<Equal<AnyPaths<AfterTarget<typeof app.send<typeof ask>>>, never>>();
check<Equal<AnyPaths<AfterTarget<typeof app.send<typeof actor>>>, never>>();
check<Equal<AnyPaths<AfterTarget<typeof app.sendMany<typeof ask>>>, never>>();
check<Equal<AnyPaths<AfterTarget<typeof app.request<typeof ask>>>, never>>();
check<Equal<AnyPaths<Awaited<ReturnType<typeof app.request<typeof ask>>>>, never>>();
check<Equal<AnyPaths<Parameters<typeof app.runWorker>>, never>>();

check<Equal<AnyPaths<millrace.Message>, never>>();
check<Equal<AnyPaths<millrace.Context>, never>>();
check<Equal<AnyPaths<millrace.ActorMiddleware>, never>>();
check<Equal<AnyPaths<millrace.ProducerMiddleware>, never>>();
check<Equal<AnyPaths<millrace.AppOptions>, never>>();
check<Equal<AnyPaths<millrace.RouterOptions>, never>>();
check<Equal<AnyPaths<millrace.Worker>, never>>();
check<Equal<AnyPaths<millrace.DeadLetterStore>, never>>();
check<Equal<AnyPaths<millrace.BrokerServer>, never>>();
check<Equal<AnyPaths<millrace.Delivery>, never>>();
check<Equal<AnyPaths<millrace.Codec>, never>>();
check<Equal<AnyPaths<millrace.HealthReport>, never>>();
check<Equal<AnyPaths<millrace.OperationRegistry>, never>>();
check<Equal<AnyPaths<millrace.ServerRegistry>, never>>();

// A user's own `any` stays where it is and spoils nothing else.
const loose = app.actor({ name: "loose", payload: z.any(), deps: { user } }, ({ payload, deps, headers }) => {
  check<IsAny<typeof payload>>();
  check<Equal<typeof deps, { readonly user: number }>>();
  check<Equal<typeof headers, millrace.MessageHeaders>>();
});
check<Equal<AnyPaths<Awaited<ReturnType<typeof app.send<typeof loose>>>>, never>>();
app.actor({ operation: defineOperation({ name: "loose", payload: z.any() }), deps: { user } }, () => {});
