import type { BenchPayload, Shape } from "./shape.ts";

export interface Target {
  readonly url: string;
  readonly shape: Shape;
}

export interface Sender {
  /** Resolves when Redis has confirmed it. */
  send(value: BenchPayload): Promise<unknown>;
  /** One call of the bulk API; with `delay`, none of them is due within so many milliseconds. */
  sendMany(values: readonly BenchPayload[], delay?: number): Promise<unknown>;
  /** Messages that wait or are held. 0 = all were handled and removed. */
  left(): Promise<number>;
  close(): Promise<void>;
}

export interface Consumer {
  close(): Promise<void>;
}

/** One of those that are compared. Each is loaded in processes of its own. */
export interface RedisSide {
  /**
   * More than 1: "awaited sends" of this side are explicit pipelines of so many, when there are as many in flight.
   * What a program does that knows its messages beforehand: the ceiling for sends that are awaited one by one.
   */
  readonly pipeline: number;
  connect(target: Target): Promise<Sender>;
  /** Consumes until it is closed. */
  work(target: Target, concurrency: number, handler: (value: BenchPayload) => Promise<void>): Promise<Consumer>;
}

export const sideNames = ["ours", "thin", "bullmq", "bee"] as const;
export type SideName = (typeof sideNames)[number];

const files: Readonly<Record<SideName, string>> = {
  ours: "./ours.ts",
  thin: "./thin.ts",
  bullmq: "../peers/bullmq.ts",
  bee: "../peers/bee-queue.ts",
};

export async function loadSide(name: SideName): Promise<RedisSide> {
  const module = (await import(files[name])) as { readonly side: RedisSide };
  return module.side;
}
