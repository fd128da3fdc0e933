import { readdir } from "node:fs/promises";
import type { Delivery, SubscribeOptions, Subscription } from "millrace";
import { LeaseLostError } from "millrace";
import { type Claimed, claim, giveBack, place, remove, store } from "./stored.ts";

const interval = 20;

/** Looks into the folder, again and again, and hands up what it gets, never more than `maxUnsettled` at once. */
export function createSubscription(root: string, options: SubscribeOptions, onClose: () => void): Subscription {
  const held = new Map<Claimed, () => Promise<void>>();
  let state: "open" | "paused" | "drained" | "closed" = "open";
  let lastContact = performance.now();
  let looking: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let turn = 0;

  function toDelivery(channel: string, name: string, claimed: Claimed): Delivery {
    const { id, headers, contentType, replyTo, payload } = claimed.message;
    const own = (): void => {
      if (!held.delete(claimed)) throw new LeaseLostError();
    };
    held.set(claimed, () => giveBack(root, channel, claimed.held, name));
    return {
      ...{ channel, id, headers, contentType, replyTo, deliveryCount: undefined },
      payload: Buffer.from(payload, "base64"),
      async settle(outcome, note) {
        own();
        if (outcome === "reject") {
          // `millrace` is the header in which the core counts attempts: ours to write, its to read.
          const { millrace: _, ...rest } = headers;
          const counted = note?.bookkeeping === undefined ? rest : { ...rest, millrace: note.bookkeeping };
          await store(root, channel, name, { ...claimed.message, headers: counted });
        }
        // Done, or failed: this server keeps no dead letters, and its features say so.
        await remove(claimed.held);
      },
    };
  }

  /** The first of every channel, then the second, and another channel first each time: none holds up the others. */
  async function look(): Promise<void> {
    turn = (turn + 1) % options.channels.length;
    const channels = [...options.channels.slice(turn), ...options.channels.slice(0, turn)];
    const queues = await Promise.all(
      channels.map(async ({ name: channel }) => {
        const names = await readdir(place(root, channel, "ready"));
        return { channel, names: names.sort() };
      }),
    );
    lastContact = performance.now();
    const longest = Math.max(...queues.map(({ names }) => names.length));
    for (let index = 0; index < longest; index += 1) {
      for (const { channel, names } of queues) {
        const name = names[index];
        if (state !== "open" || held.size >= options.maxUnsettled) return;
        const claimed = name === undefined ? undefined : await claim(root, channel, name);
        if (claimed !== undefined) options.onDelivery(toDelivery(channel, name as string, claimed));
      }
    }
  }

  function next(): void {
    if (state === "drained" || state === "closed") return;
    looking = look().catch((error: unknown) => options.onStateChange("reconnecting", error));
    timer = setTimeout(() => void looking?.then(next), interval);
  }
  next();

  return {
    get lastContact() {
      return lastContact;
    },
    async pause() {
      if (state === "open") state = "paused";
      await looking;
    },
    resume() {
      if (state === "paused") state = "open";
    },
    async drain() {
      if (state !== "closed") state = "drained";
      clearTimeout(timer);
      await looking;
    },
    async close() {
      if (state === "closed") return;
      state = "closed";
      clearTimeout(timer);
      await looking;
      const back = [...held.values()];
      held.clear();
      for (const give of back) await give();
      onClose();
    },
  };
}
