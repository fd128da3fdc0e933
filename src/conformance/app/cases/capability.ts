import assert from "node:assert/strict";
import { CapabilityError } from "../../../server/errors.ts";
import type { FeatureName } from "../../../server/features.ts";
import { type AppCase, appCase } from "../app-case.ts";
import type { AppWorld, ServerApp } from "../app-world.ts";
import { numbered } from "../schema.ts";

/** Asking for it is refused, by name, exactly where it is unsupported. */
function gate(feature: FeatureName, ask: (app: ServerApp, world: AppWorld) => Promise<unknown>): AppCase {
  const check = async (world: AppWorld): Promise<void> => {
    const app = await world.app();
    if (world.world.supports(feature)) {
      await ask(app, world);
      return;
    }
    await assert.rejects(
      async () => ask(app, world),
      (error) => error instanceof CapabilityError && error.feature === feature && error.server === "main",
    );
  };
  return appCase(`capability: ${feature} is refused where it is unsupported, and only there`, [], check, {
    refuses: [feature],
  });
}

export const capability: readonly AppCase[] = [
  gate("delay", (app, { channel }) => app.publish(channel, "x", { delay: 1 })),
  gate("priority", (app, { channel }) => app.publish(channel, "x", { priority: 50 })),
  gate("expiry", (app, { channel }) => app.publish(channel, "x", { expiresIn: "1h" })),
  gate("dedupe", (app, { channel }) => app.publish(channel, "x", { dedupe: { key: "k", window: "1h" } })),
  gate("deadLetter", async (app, { channel }) => app.deadLetters(channel).count()),
  gate("requestReply", async (app, world) => {
    const config = { name: "echo", channel: world.channel, payload: numbered, reply: numbered } as const;
    const echo = app.actor(config, ({ payload }) => payload);
    const work = world.world.supports("requestReply") ? world.start(app) : undefined;
    await app.request(echo, { n: 1 }, { timeout: "10s" });
    await work?.stop();
  }),
  gate("retryDelay", async (app, world) => {
    app.actor({ name: "again", channel: world.channel, payload: numbered, retry: 3 }, () => {});
    await world.start(app).stop();
  }),
];
