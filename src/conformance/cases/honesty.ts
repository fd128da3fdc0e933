import assert from "node:assert/strict";
import { parseDuration } from "../../internal/duration.ts";
import { type FeatureLevel, type FeatureName, featureNames } from "../../server/features.ts";
import { message } from "../message.ts";
import { type ServerCase, serverCase } from "../server-case.ts";
import type { World } from "../world.ts";

/** Something optional is there exactly when the feature is declared. */
function presence(feature: FeatureName, what: string, find: (world: World) => Promise<boolean>): ServerCase {
  const check = async (world: World): Promise<void> => {
    const found = await find(world);
    assert.equal(found, world.supports(feature), `${feature} is ${world.target.features[feature].level}`);
  };
  return serverCase(`honesty: ${what} is there exactly when ${feature} is supported`, [], check, {
    refuses: [feature],
  });
}

async function delivered(world: World): Promise<void> {
  await world.send("look at me");
}

const ranks: Readonly<Record<FeatureLevel, number>> = { unsupported: 0, emulated: 1, native: 2 };

export const honesty: readonly ServerCase[] = [
  serverCase("honesty: every feature is declared, with a level and a legal maximum", [], async (world) => {
    const { features } = await world.create();
    for (const name of featureNames) {
      const feature = features[name];
      assert.ok(feature !== undefined && feature.level in ranks, `${name} must be declared`);
      if (feature.max !== undefined) {
        const max = parseDuration(feature.max);
        assert.ok(max !== undefined && max > 0, `${name}.max must be a length of time`);
      }
    }
    const unknown = Object.keys(features).filter((name) => !featureNames.includes(name as FeatureName));
    assert.deepEqual(unknown, []);
  }),

  serverCase("honesty: features may only shrink at connect", [], async (world) => {
    const server = await world.create();
    const before = { ...server.features };
    await server.connect();
    for (const name of featureNames) {
      assert.ok(ranks[server.features[name].level] <= ranks[before[name].level], `${name} grew at connect`);
      assert.ok(ranks[before[name].level] <= ranks[world.target.features[name].level], `${name}: the target says less`);
    }
  }),

  serverCase("honesty: info names protocol and host and shows no credentials", [], async (world) => {
    const { info } = await world.create();
    assert.ok(info.protocol.length > 0);
    assert.ok(info.host.length > 0);
    assert.ok(!info.host.includes("@"), "user information does not belong into the host");
  }),

  serverCase("honesty: creating a server does nothing", [], async (world) => {
    const server = await world.create();
    assert.equal(server.state, "closed");
  }),

  presence("deadLetter", "deadLetters()", async (world) => (await world.server()).deadLetters !== undefined),
  presence("inspect", "inspect()", async (world) => (await world.server()).inspect !== undefined),
  presence("purge", "purge()", async (world) => (await world.server()).purge !== undefined),
  presence("batchPublish", "publishBatch()", async (world) => (await world.server()).publishBatch !== undefined),
  presence("lease", "delivery.lease", async (world) => {
    const inbox = await world.subscribe();
    await delivered(world);
    const delivery = await inbox.next();
    await world.settle(delivery);
    return delivery.lease !== undefined;
  }),
  presence("deliveryCount", "delivery.deliveryCount", async (world) => {
    const inbox = await world.subscribe();
    await delivered(world);
    const delivery = await inbox.next();
    await world.settle(delivery);
    return delivery.deliveryCount !== undefined;
  }),
  presence("atomicReply", "delivery.reply()", async (world) => {
    const inbox = await world.subscribe();
    await delivered(world);
    const delivery = await inbox.next();
    await world.settle(delivery);
    return delivery.reply !== undefined;
  }),

  serverCase("honesty: the longest declared delay is accepted", ["delay"], async (world) => {
    const max = parseDuration(world.target.features.delay.max ?? "365d");
    assert.ok(max !== undefined);
    const inbox = await world.subscribe();
    // Longer than a signed 32-bit timer, where the server allows it: those fire at once when nobody pays attention.
    await world.send("far", { delay: Math.min(max, 400 * 86_400_000) });
    await inbox.staysQuiet();
  }),

  serverCase("honesty: the longest declared dedupe window is accepted", ["dedupe"], async (world) => {
    const max = parseDuration(world.target.features.dedupe.max ?? "365d");
    assert.ok(max !== undefined);
    const window = Math.min(max, 400 * 86_400_000);
    const first = message("one");
    await world.send(first, { dedupe: { key: "k", window, onDuplicate: "ignore" } });
    const second = await world.send("two", { dedupe: { key: "k", window, onDuplicate: "ignore" } });
    assert.equal(second.id, first.id);
  }),
];
