import { createApp, defineDependency } from "millrace";
import { inMemory } from "millrace/memory";
import { callActor } from "millrace/testing";
import * as z from "zod";

// Handlers say what they need by name; somebody else opens it, hands it in and closes it.

interface User {
  readonly name: string;
}

/** Opened once, when the first message needs it, and closed with the app. */
const db = defineDependency({
  scope: "app",
  resolve: () => {
    console.log("database: opened");
    const users = new Map<number, User>([[7, { name: "Ada" }]]);
    return { find: (id: number): User | undefined => users.get(id), close: () => console.log("database: closed") };
  },
  dispose: (pool) => pool.close(),
});

/** Looked up once per message. It reads its own part of the payload, so `send` demands `userId` for every actor with it. */
const user = defineDependency({
  payload: z.object({ userId: z.int() }),
  deps: { db },
  resolve: ({ payload, deps }) => {
    const found = deps.db.find(payload.userId);
    if (found === undefined) throw new Error(`no user ${payload.userId}`);
    return found;
  },
});

const app = createApp({ server: inMemory(), logger: false });
const welcome = app.actor(
  { name: "welcome", payload: z.object({ gift: z.string() }), deps: { user } },
  ({ payload, deps }) => console.log(`${deps.user.name} gets ${payload.gift}`),
);

await app.send(welcome, { userId: 7, gift: "a mug" });
await app.send(welcome, { userId: 7, gift: "a pen" });
await app.send(welcome, { userId: 8, gift: "a hat" });
const { acked, nacked } = await app.run({ messagesLimit: 3, concurrency: 1 });
console.log(`${acked} welcomed, ${nacked} failed`);

// The handler itself stays a plain function: a unit test needs neither a queue nor a database.
console.log("in a unit test:");
callActor(welcome, { payload: { gift: "a cup" }, deps: { user: { name: "Grace" } } });
