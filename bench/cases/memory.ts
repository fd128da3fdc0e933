import { createApp } from "millrace";
import { inMemory } from "millrace/memory";
import { type Case, Counter, inFlight, scaled, timed } from "../case.ts";
import { type Payload, payloadOf, payloadSchema } from "../message.ts";
import { concurrency, flow, type Subject } from "./subject.ts";

const warmUp = 50_000;
const total = 400_000;

/** The app of the memory row; the other rows are compared with it, too. */
export function memorySubject(): Subject {
  const handled = new Counter();
  const app = createApp({ server: inMemory(), logger: false });
  const actor = app.actor({ name: "bench", payload: payloadSchema }, async () => handled.hit());
  return { app, handled, send: (index) => app.send(actor, payloadOf(index)) };
}

export const ours: Case = (setting) => flow(memorySubject(), warmUp, scaled(total, setting));

interface BareMessage {
  readonly id: number;
  readonly payload: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  acked: boolean;
}

/**
 * What the work itself costs: a ring, a message object, validation and JSON on both sides, an async wrapper around an
 * async handler, a limit on those that run, and an awaited promise per publish. No leases, no settling, no errors that
 * anyone would hear of, no turns for timers and I/O.
 */
function createRing(handler: (value: Payload) => Promise<void>): (value: Payload) => Promise<void> {
  const ring: (BareMessage | undefined)[] = new Array(2 ** 16);
  const mask = ring.length - 1;
  let [head, tail, running] = [0, 0, 0];

  async function run(message: BareMessage): Promise<void> {
    try {
      const { buffer, byteOffset, byteLength } = message.payload;
      await handler(payloadSchema.parse(JSON.parse(Buffer.from(buffer, byteOffset, byteLength).toString())));
      message.acked = true;
    } finally {
      running -= 1;
      pump();
    }
  }

  function pump(): void {
    while (running < concurrency && head < tail) {
      const message = ring[head & mask] as BareMessage;
      ring[head & mask] = undefined;
      head += 1;
      running += 1;
      void run(message);
    }
  }

  return async (value) => {
    payloadSchema.parse(value);
    const payload = Buffer.from(JSON.stringify(value));
    ring[tail & mask] = { id: tail, payload, headers: { topic: "bench" }, acked: false };
    tail += 1;
    pump();
  };
}

export const bare: Case = async (setting) => {
  const handled = new Counter();
  const publish = createRing(async () => handled.hit());
  async function round(count: number): Promise<void> {
    const done = handled.after(count);
    await inFlight(concurrency, count, (index) => publish(payloadOf(index)));
    await done;
  }
  await round(warmUp);
  const messages = scaled(total, setting);
  return timed(messages, () => round(messages));
};
