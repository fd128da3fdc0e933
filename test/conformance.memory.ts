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

const refused = { level: "unsupported" } as const;

/** The same server, declaring that it can do none of the things that apps must be refused where they are missing. */
export const meagreMemoryTarget: ServerTarget = {
  ...memoryTarget,
  name: "memory with few features",
  ...meagre(),
};

function meagre(): Pick<ServerTarget, "features" | "create"> {
  const features = {
    delay: refused,
    retryDelay: refused,
    priority: refused,
    expiry: refused,
    dedupe: refused,
    deadLetter: refused,
    requestReply: refused,
  };
  return {
    features: inMemory({ features }).features,
    create: ({ leaseDuration }) => inMemory({ leaseDuration, features }),
  };
}
