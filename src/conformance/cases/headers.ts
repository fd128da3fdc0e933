import assert from "node:assert/strict";
import { bookkeepingHeader } from "../../server/bookkeeping.ts";
import type { MessageHeaders } from "../../server/delivery.ts";
import { message } from "../message.ts";
import { type ServerCase, serverCase } from "../server-case.ts";
import type { World } from "../world.ts";

/** Plain pairs, so that neither the prototype nor the order of a map matters. */
function pairs(headers: MessageHeaders): [string, string][] {
  return Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1));
}

async function carries(world: World, headers: Readonly<Record<string, string>>): Promise<void> {
  const inbox = await world.subscribe();
  const sent = message("x", { headers });
  await world.send(sent);
  const delivery = await inbox.next();
  assert.deepEqual(pairs(delivery.headers), pairs(sent.headers));
  await world.settle(delivery);
}

async function contentType(world: World, sent: string | undefined, accepted = [sent]): Promise<void> {
  const inbox = await world.subscribe();
  await world.send(message("{}", { contentType: sent }));
  const received = (await inbox.next()).contentType;
  assert.ok(accepted.includes(received), `sent ${sent}, received ${received}`);
}

export const headers: readonly ServerCase[] = [
  serverCase("headers: none", [], (world) => carries(world, {})),
  serverCase("headers: names and values", [], (world) => carries(world, { topic: "greet", "correlation-id": "7" })),
  serverCase("headers: every legal character in a name", [], (world) =>
    carries(world, { "!#$%&'*+-.^_`|~09AZaz": "odd", a: "short", ["n".repeat(120)]: "long" }),
  ),
  serverCase("headers: case is kept, and names that differ in case are two", [], (world) =>
    carries(world, { "X-Trace": "upper", "x-trace": "lower", "X-TRACE": "loud" }),
  ),
  serverCase("headers: names that objects have anyway", [], (world) =>
    carries(world, JSON.parse('{"__proto__":"p","constructor":"c","toString":"t","hasOwnProperty":"h","length":"3"}')),
  ),
  serverCase("headers: a name that was not sent is not there", [], async (world) => {
    await world.send("x");
    const { headers: received } = await (await world.subscribe()).next();
    for (const name of ["constructor", "toString", "__proto__", "valueOf"]) assert.equal(received[name], undefined);
    assert.equal(received[bookkeepingHeader], undefined, "a fresh message has no bookkeeping");
    assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
  }),
  serverCase("headers: empty values, spaces, tabs and quotes", [], (world) =>
    carries(world, { empty: "", spaces: "  x  ", tab: "a\tb", quotes: `"it's"`, json: '{"a":[1]}', percent: "%41%" }),
  ),
  serverCase("headers: values outside of ASCII", [], (world) =>
    carries(world, { latin: "é", greek: "λόγος", emoji: "👩‍🚀", rtl: "שלום", separator: "a\u2028b" }),
  ),
  serverCase("headers: a value of 16 KiB", [], (world) => carries(world, { long: "v".repeat(16_384) })),
  serverCase("headers: names that servers use themselves", [], (world) =>
    carries(world, { id: "i", payload: "p", "content-type": "c", "reply-to": "r", channel: "ch", priority: "9" }),
  ),

  serverCase("headers: content type absent", [], (world) => contentType(world, undefined)),
  // JSON is the default everywhere, so a server may leave it out on the wire.
  serverCase("headers: content type JSON", [], (world) =>
    contentType(world, "application/json", ["application/json", undefined]),
  ),
  serverCase("headers: content type with parameters", [], (world) =>
    contentType(world, 'text/plain; charset=utf-8; x="a;b"'),
  ),
  serverCase("headers: a content type nobody knows", [], (world) =>
    contentType(world, "application/x-millrace.v1+foo"),
  ),
];
