import { createHeaders } from "../../internal/headers.ts";
import { createVirtualClock, type VirtualClock } from "../../internal/virtual-clock.ts";
import type { Delivery, OutgoingMessage } from "../../server/delivery.ts";
import type { ConnectionState, Subscription } from "../../server/server.ts";
import { type InMemoryOptions, type InMemoryServer, inMemory } from "./index.ts";

// What the tests of this folder share. The name keeps it out of the package and away from the test runner.

export const payload = new TextEncoder().encode("{}");

export function message(id: string, headers: Record<string, string> = {}): OutgoingMessage {
  return { id, payload, headers: createHeaders(headers), contentType: undefined, replyTo: undefined };
}

export interface Consumer {
  readonly got: Delivery[];
  readonly expired: (string | undefined)[];
  readonly states: ConnectionState[];
  readonly subscription: Subscription;
  ids(): (string | undefined)[];
  /** The delivery of this id that came last. */
  last(id: string): Delivery;
}

export interface Stage {
  readonly clock: VirtualClock;
  readonly server: InMemoryServer;
  consume(options?: { channels?: string[]; max?: number; onDelivery?(delivery: Delivery): void }): Promise<Consumer>;
}

export async function stage(options: InMemoryOptions = {}): Promise<Stage> {
  const clock = createVirtualClock();
  const server = inMemory({ clock, ...options });
  await server.connect();
  return {
    clock,
    server,
    async consume({ channels = ["a"], max = 100, onDelivery } = {}) {
      const got: Delivery[] = [];
      const expired: (string | undefined)[] = [];
      const states: ConnectionState[] = [];
      const subscription = await server.subscribe({
        channels: channels.map((name) => ({ name })),
        maxUnsettled: max,
        onDelivery(delivery) {
          got.push(delivery);
          onDelivery?.(delivery);
        },
        onExpired: (_channel, id) => void expired.push(id),
        onStateChange: (state) => void states.push(state),
      });
      await clock.advance(0);
      const ids = (): (string | undefined)[] => got.map((delivery) => delivery.id);
      const last = (id: string): Delivery => got.findLast((delivery) => delivery.id === id) as Delivery;
      return { got, expired, states, subscription, ids, last };
    },
  };
}
