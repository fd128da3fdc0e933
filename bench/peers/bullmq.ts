import type { BenchPayload } from "../redis/shape.ts";
import type { RedisSide } from "../redis/side.ts";

/** BullMQ 6 on ioredis, its default client. Finished jobs are removed, everything else is left at its default. */
interface Job {
  readonly data: BenchPayload;
}
interface JobOptions {
  readonly delay?: number;
}
interface Queue {
  waitUntilReady(): Promise<unknown>;
  add(name: string, data: BenchPayload): Promise<unknown>;
  addBulk(jobs: readonly { name: string; data: BenchPayload; opts: JobOptions }[]): Promise<unknown>;
  getJobCounts(...states: string[]): Promise<Readonly<Record<string, number>>>;
  close(): Promise<void>;
  on(event: "error", listener: (error: unknown) => void): void;
}
interface Worker {
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
  on(event: "error", listener: (error: unknown) => void): void;
}
/** What is used of it: its own types are there only when it is installed. */
interface BullMQ {
  readonly Queue: new (name: string, options: object) => Queue;
  readonly Worker: new (name: string, handler: (job: Job) => Promise<void>, options: object) => Worker;
}

const load = async (name: string): Promise<BullMQ> => (await import(name)) as BullMQ;

function connectionOf(url: string): object {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port), maxRetriesPerRequest: null };
}

export const side: RedisSide = {
  pipeline: 1,
  async connect({ url }) {
    const { Queue } = await load("bullmq");
    const defaultJobOptions = { removeOnComplete: true, removeOnFail: true };
    const queue = new Queue("bench", { connection: connectionOf(url), defaultJobOptions });
    queue.on("error", (error) => console.error(String(error)));
    await queue.waitUntilReady();
    return {
      send: (value) => queue.add("bench", value),
      sendMany(values, delay) {
        const opts = delay === undefined ? {} : { delay };
        return queue.addBulk(values.map((data) => ({ name: "bench", data, opts })));
      },
      async left() {
        const counts = await queue.getJobCounts("wait", "active");
        return Object.values(counts).reduce((sum, count) => sum + count, 0);
      },
      close: () => queue.close(),
    };
  },
  async work({ url }, concurrency, handler) {
    const { Worker } = await load("bullmq");
    const worker = new Worker("bench", (job) => handler(job.data), { connection: connectionOf(url), concurrency });
    worker.on("error", (error) => console.error(String(error)));
    await worker.waitUntilReady();
    return worker;
  },
};
