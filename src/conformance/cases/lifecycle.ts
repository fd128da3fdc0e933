import assert from "node:assert/strict";
import { NotConnectedError } from "../../server/errors.ts";
import type { BrokerServer } from "../../server/server.ts";
import { message, numbered, textOf, textsOf } from "../message.ts";
import { type ServerCase, serverCase } from "../server-case.ts";
import type { World } from "../world.ts";

async function refusesEverything(world: World, server: BrokerServer): Promise<void> {
  const channel = await world.channel();
  const nothing = (): void => {};
  await assert.rejects(async () => server.publish(channel, message("x")), NotConnectedError);
  await assert.rejects(
    async () =>
      server.subscribe({
        channels: [{ name: channel }],
        maxUnsettled: 1,
        onDelivery: nothing,
        onStateChange: nothing,
      }),
    NotConnectedError,
  );
  if (server.publishBatch !== undefined) {
    await assert.rejects(async () => server.publishBatch?.(channel, [message("x")]), NotConnectedError);
  }
  // Looking is allowed where the server can look without a connection; then it must work.
  for (const look of [
    async () => server.inspect?.(channel),
    async () => server.purge?.(channel),
    async () => server.deadLetters?.(channel).count(),
    async () => server.deadLetters?.(channel).list(),
  ]) {
    await look().catch((error: unknown) => assert.ok(error instanceof NotConnectedError, String(error)));
  }
}

export const lifecycle: readonly ServerCase[] = [
  serverCase("lifecycle: connect makes the server ready, disconnect closes it", [], async (world) => {
    const server = await world.create();
    assert.equal(server.state, "closed");
    await server.connect();
    assert.equal(server.state, "ready");
    await server.disconnect();
    assert.equal(server.state, "closed");
  }),

  serverCase("lifecycle: connect may be called again, also at the same time", [], async (world) => {
    const server = await world.create();
    await Promise.all([server.connect(), server.connect()]);
    await server.connect();
    assert.equal(server.state, "ready");
    await world.send("still works");
    const inbox = await world.subscribe();
    assert.equal(textOf(await inbox.next()), "still works");
    await inbox.staysQuiet();
  }),

  serverCase("lifecycle: disconnect may be called again, also before connect", [], async (world) => {
    const server = await world.create();
    await server.disconnect();
    await server.connect();
    await Promise.all([server.disconnect(), server.disconnect()]);
    await server.disconnect();
    assert.equal(server.state, "closed");
  }),

  serverCase("lifecycle: connect works again after disconnect, and the messages are there", [], async (world) => {
    const server = await world.server();
    await world.send("before");
    await server.disconnect();
    await server.connect();
    assert.equal(server.state, "ready");
    await world.send("after");
    const inbox = await world.subscribe();
    assert.deepEqual(textsOf(await inbox.take(2)).sort(), ["after", "before"]);
  }),

  serverCase("lifecycle: nothing works before connect: NotConnectedError", [], async (world) => {
    await refusesEverything(world, await world.create());
  }),

  serverCase("lifecycle: nothing works after disconnect: NotConnectedError", [], async (world) => {
    const server = await world.server();
    await server.disconnect();
    await refusesEverything(world, server);
  }),

  serverCase("lifecycle: disconnect closes subscriptions, and what they held comes back", [], async (world) => {
    const server = await world.server();
    const first = await world.subscribe({ maxUnsettled: 2 });
    await world.sendAll(numbered(4));
    await first.take(2);
    await server.disconnect();
    await server.connect();
    await world.send("4");
    await first.staysQuiet();
    const second = await world.subscribe();
    assert.deepEqual(textsOf(await second.take(5)).sort(), ["0", "1", "2", "3", "4"]);
  }),

  serverCase("lifecycle: a subscription may be closed after its server was disconnected", [], async (world) => {
    const inbox = await world.subscribe();
    await inbox.server.disconnect();
    await inbox.subscription.close();
    await inbox.subscription.close();
  }),

  serverCase("lifecycle: one subscription's end leaves the others alone", [], async (world) => {
    const other = await world.channel("other");
    const ending = await world.subscribe();
    const staying = await world.subscribe({}, other);
    await ending.subscription.close();
    await world.send("here", undefined, other);
    assert.equal(textOf(await staying.next()), "here");
  }),

  serverCase(
    "lifecycle: messages outlive the server object that sent them",
    ["durable"],
    async (world) => {
      const sender = await world.server();
      await world.sendAll(numbered(3));
      await sender.disconnect();
      const inbox = await world.subscribe({ server: await world.open() });
      assert.deepEqual(textsOf(await inbox.take(3)).sort(), ["0", "1", "2"]);
    },
    { second: true },
  ),

  serverCase(
    "lifecycle: a restart of the broker loses nothing that was confirmed, and consuming resumes",
    ["durable"],
    async (world) => {
      const inbox = await world.subscribe();
      await world.target.restart?.(world.namespace);
      await world.until("a publish to succeed again", async () => {
        try {
          await world.send("after");
          return true;
        } catch {
          return false;
        }
      });
      await inbox.next(5000);
    },
    { restart: true, timeout: 60_000 },
  ),
];
