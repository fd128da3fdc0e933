import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createApp } from "millrace";
import { inMemory } from "millrace/memory";
import { sqlite } from "millrace/sqlite";
import type { Case, Measurement, Setting } from "../case.ts";
import { payloadOf, payloadSchema } from "../message.ts";
import { percentile } from "../stats.ts";
import { bareTable } from "./sqlite.ts";

const pause = 10;
const warmUp = 100;

/** Milliseconds from the call of `send` until the handler starts, at 100 messages per second, one after the other. */
async function paced(
  { scale }: Setting,
  pass: (index: number) => Promise<{ readonly received: number; readonly confirmed: number }>,
): Promise<Measurement> {
  const messages = Math.max(100, Math.round(500 * scale));
  const received: number[] = [];
  const confirmed: number[] = [];
  let cpu = process.cpuUsage();
  let start = performance.now();
  for (let i = 0; i < warmUp + messages; i += 1) {
    if (i === warmUp) {
      cpu = process.cpuUsage();
      start = performance.now();
    }
    const due = sleep(pause);
    const times = await pass(i);
    if (i >= warmUp) {
      received.push(times.received);
      confirmed.push(times.confirmed);
    }
    await due;
  }
  const wall = performance.now() - start;
  const used = process.cpuUsage(cpu);
  return {
    messages,
    wall,
    cpu: used.user + used.system,
    figures: {
      p50: percentile(received, 0.5),
      p99: percentile(received, 0.99),
      sendP50: percentile(confirmed, 0.5),
      sendP99: percentile(confirmed, 0.99),
    },
  };
}

async function through(server: ReturnType<typeof inMemory> | ReturnType<typeof sqlite>, setting: Setting) {
  let arrived: (time: number) => void = () => {};
  const app = createApp({ server, logger: false });
  const actor = app.actor({ name: "bench", payload: payloadSchema }, async () => arrived(performance.now()));
  const connection = await app.connect();
  const worker = app.createWorker({ signals: [] });
  await worker.start();
  try {
    return await paced(setting, async (index) => {
      const arrival = new Promise<number>((resolve) => {
        arrived = resolve;
      });
      const start = performance.now();
      await app.send(actor, payloadOf(index));
      const confirmed = performance.now() - start;
      return { received: (await arrival) - start, confirmed };
    });
  } finally {
    await worker.stop();
    await connection.close();
  }
}

export const memory: Case = (setting) => through(inMemory(), setting);
export const durable: Case = (setting) => through(sqlite({ path: join(setting.folder, "bench.db") }), setting);

/** One flushed transaction per message, which sends it and takes it. */
export const bare: Case = async (setting) => {
  const table = await bareTable(join(setting.folder, "bench.db"));
  try {
    return await paced(setting, async () => {
      const start = performance.now();
      table.pass();
      const time = performance.now() - start;
      return { received: time, confirmed: time };
    });
  } finally {
    table.close();
  }
};
