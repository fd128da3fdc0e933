import type { ServerTarget } from "../src/conformance/index.ts";
import { createVirtualClock, type VirtualClock } from "../src/internal/virtual-clock.ts";
import { inMemory } from "../src/servers/memory/index.ts";

export const memoryTarget: ServerTarget = {
  name: "memory",
  features: inMemory().features,
  create: ({ leaseDuration }) => inMemory({ leaseDuration }),
  supportsSecondConnection: false,
  channel: (name) => name,
  leaseDuration: 500,
  countsOnlyStarted: true,
};

const clocks = new Map<string, VirtualClock>();

function clockOf(namespace: string): VirtualClock {
  let clock = clocks.get(namespace);
  if (clock === undefined) {
    clock = createVirtualClock();
    clocks.set(namespace, clock);
  }
  return clock;
}

/** The same server in a time of its own, one per case. */
export const virtualMemoryTarget: ServerTarget = {
  ...memoryTarget,
  create: ({ leaseDuration, namespace }) => inMemory({ leaseDuration, clock: clockOf(namespace) }),
  advance: (milliseconds, namespace) => clockOf(namespace).advance(milliseconds),
  cleanUp: (namespace) => void clocks.delete(namespace),
};
