import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setImmediate as immediate } from "node:timers/promises";
import { createApp } from "millrace";
import { sqlite } from "millrace/sqlite";
import { type Case, Counter, inFlight, type Measurement, type Setting, scaled, timed } from "../case.ts";
import { payloadOf, payloadSchema } from "../message.ts";
import { BareTable } from "./bare-table.ts";
import { concurrency, type Subject } from "./subject.ts";

const warmUp = 10_000;
const total = 200_000;
/** Rows in one transaction of the bare loops. */
const batch = 500;

export function sqliteSubject(path: string): Subject {
  const handled = new Counter();
  const app = createApp({ server: sqlite({ path }), logger: false });
  const actor = app.actor({ name: "bench", channel: "bench", payload: payloadSchema }, async () => handled.hit());
  return { app, handled, send: (index) => app.send(actor, payloadOf(index)) };
}

/** The tables and indexes are those that the library makes, because it makes them. */
export async function bareTable(path: string): Promise<BareTable> {
  const connection = await sqliteSubject(path).app.connect();
  await connection.close();
  return new BareTable(path);
}

/** Once for the compiler, then for the clock; each with a file of its own. */
async function twice({ folder }: Setting, run: (path: string, count: number) => Promise<Measurement>, count: number) {
  await run(join(folder, "warm-up.db"), warmUp);
  return await run(join(folder, "bench.db"), count);
}

async function watched(messages: number, run: () => Promise<void>): Promise<Measurement> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const measured = await timed(messages, async () => {
    delay.enable();
    await run();
    delay.disable();
  });
  return { ...measured, figures: { loopP99: delay.percentile(99) / 1e6, loopMax: delay.max / 1e6 } };
}

export const oursSend: Case = (setting) =>
  twice(
    setting,
    async (path, count) => {
      const subject = sqliteSubject(path);
      const connection = await subject.app.connect();
      try {
        return await watched(count, () => inFlight(concurrency, count, subject.send));
      } finally {
        await connection.close();
      }
    },
    scaled(total, setting),
  );

export const bareSend: Case = (setting) =>
  twice(
    setting,
    async (path, count) => {
      const table = await bareTable(path);
      try {
        return await timed(count, () => {
          for (let done = 0; done < count; done += batch) table.insert(batch);
        });
      } finally {
        table.close();
      }
    },
    scaled(total, setting),
  );

async function fill(path: string, count: number): Promise<void> {
  const table = await bareTable(path);
  for (let done = 0; done < count; done += batch) table.insert(batch);
  table.close();
}

export const oursProcess: Case = (setting) =>
  twice(
    setting,
    async (path, count) => {
      await fill(path, count);
      const { app, handled } = sqliteSubject(path);
      const connection = await app.connect();
      const worker = app.createWorker({ concurrency, signals: [] });
      try {
        return await watched(count, async () => {
          const done = handled.after(count);
          await worker.start();
          await done;
          while (worker.counts.acked < count) await immediate();
        });
      } finally {
        await worker.stop();
        await connection.close();
      }
    },
    scaled(total, setting),
  );

export const bareProcess: Case = (setting) =>
  twice(
    setting,
    async (path, count) => {
      await fill(path, count);
      const table = await bareTable(path);
      try {
        return await timed(count, () => {
          let taken = 0;
          for (let got = table.turn(batch); got > 0; got = table.turn(batch)) taken += got;
          if (taken !== count) throw new Error(`Expected ${count} messages, got ${taken}.`);
        });
      } finally {
        table.close();
      }
    },
    scaled(total, setting),
  );

/** The bare loop doing what the library does with each message besides: validation and JSON. */
export const bareSendJson: Case = (setting) =>
  twice(
    setting,
    async (path, count) => {
      const table = await bareTable(path);
      try {
        return await timed(count, () => {
          for (let done = 0; done < count; done += batch) {
            table.insert(batch, (index) => {
              const value = payloadOf(index);
              payloadSchema.parse(value);
              return Buffer.from(JSON.stringify(value));
            });
          }
        });
      } finally {
        table.close();
      }
    },
    scaled(total, setting),
  );

export const bareProcessJson: Case = (setting) =>
  twice(
    setting,
    async (path, count) => {
      await fill(path, count);
      const table = await bareTable(path);
      const parse = (payload: Uint8Array): void => {
        payloadSchema.parse(JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString()));
      };
      try {
        return await timed(count, () => {
          for (let got = table.turn(batch, parse); got > 0; got = table.turn(batch, parse));
        });
      } finally {
        table.close();
      }
    },
    scaled(total, setting),
  );
