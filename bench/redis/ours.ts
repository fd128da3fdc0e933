import { createApp } from "millrace";
import { redis } from "millrace/redis";
import * as z from "zod";
import { payloadSchema } from "../message.ts";
import type { BenchPayload, Shape } from "./shape.ts";
import type { RedisSide, Target } from "./side.ts";

const channel = "bench";

const text = payloadSchema.extend({ text: z.string() });
const schemas: Readonly<Record<Shape, z.ZodType<BenchPayload, BenchPayload>>> = {
  plain: payloadSchema,
  stamped: payloadSchema.extend({ at: z.number() }),
  "10kb": text,
  "100kb": text,
};

function benchApp({ url, shape }: Target, handler: (value: BenchPayload) => Promise<void>) {
  const app = createApp({ server: redis({ url }), logger: false });
  const actor = app.actor({ name: "bench", channel, payload: schemas[shape] }, ({ payload }) => handler(payload));
  return { app, actor };
}

export const side: RedisSide = {
  pipeline: 1,
  async connect(target) {
    const { app, actor } = benchApp(target, async () => {});
    const connection = await app.connect();
    return {
      send: (value) => app.send(actor, value),
      sendMany: (values, delay) => app.sendMany(actor, values, delay === undefined ? {} : { delay }),
      async left() {
        const { ready, inFlight } = await app.inspect(channel);
        return ready + inFlight;
      },
      close: () => connection.close(),
    };
  },
  async work(target, concurrency, handler) {
    const { app } = benchApp(target, handler);
    const connection = await app.connect();
    const worker = app.createWorker({ concurrency, signals: [] });
    await worker.start();
    return {
      async close() {
        await worker.stop();
        await connection.close();
      },
    };
  },
};
