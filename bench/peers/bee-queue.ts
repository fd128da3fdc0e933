import type { BenchPayload } from "../redis/shape.ts";
import type { RedisSide } from "../redis/side.ts";

/** bee-queue 2 as its documentation advises for speed: no events, no jobs kept in memory, finished ones removed. */
interface Job {
  readonly data: BenchPayload;
  delayUntil(time: number): this;
  save(): Promise<unknown>;
}
interface Queue {
  ready(): Promise<unknown>;
  createJob(data: BenchPayload): Job;
  saveAll(jobs: readonly Job[]): Promise<ReadonlyMap<Job, Error>>;
  checkHealth(): Promise<{ readonly waiting: number; readonly active: number }>;
  process(concurrency: number, handler: (job: Job) => Promise<void>): void;
  close(timeout?: number): Promise<unknown>;
  on(event: "error", listener: (error: unknown) => void): void;
}
/** What is used of it: its own types are there only when it is installed. */
interface BeeQueue {
  readonly default: new (name: string, options: object) => Queue;
}

async function open(url: string, isWorker: boolean): Promise<Queue> {
  const name: string = "bee-queue";
  const { default: Bee } = (await import(name)) as BeeQueue;
  const { hostname, port } = new URL(url);
  const queue = new Bee("bench", {
    redis: { host: hostname, port: Number(port) },
    isWorker,
    getEvents: false,
    sendEvents: false,
    storeJobs: false,
    removeOnSuccess: true,
    removeOnFailure: true,
  });
  queue.on("error", (error) => console.error(String(error)));
  await queue.ready();
  return queue;
}

export const side: RedisSide = {
  pipeline: 1,
  async connect({ url }) {
    const queue = await open(url, false);
    return {
      send: (value) => queue.createJob(value).save(),
      async sendMany(values, delay) {
        const jobs = values.map((value) => {
          const job = queue.createJob(value);
          return delay === undefined ? job : job.delayUntil(Date.now() + delay);
        });
        const failed = await queue.saveAll(jobs);
        if (failed.size > 0) throw new Error(`${failed.size} jobs could not be saved.`);
      },
      async left() {
        const { waiting, active } = await queue.checkHealth();
        return waiting + active;
      },
      async close() {
        await queue.close();
      },
    };
  },
  async work({ url }, concurrency, handler) {
    const queue = await open(url, true);
    queue.process(concurrency, (job) => handler(job.data));
    return {
      async close() {
        await queue.close(10_000);
      },
    };
  },
};
