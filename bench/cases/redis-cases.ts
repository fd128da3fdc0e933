import type { Case } from "../case.ts";
import { type SideName, sideNames } from "../redis/side.ts";
import { both, bytes, heap, latency, process, send, sleeping, soak } from "./redis.ts";

const kinds = {
  "redis-send-1": send({ inFlight: 1, count: [15_000, 8000] }),
  "redis-send-100": send({ inFlight: 100, count: [200_000, 40_000] }),
  "redis-send-1000": send({ inFlight: 1000, count: [300_000, 40_000] }),
  "redis-bulk": send({ inFlight: "bulk", count: [300_000, 40_000] }),
  "redis-process-1": process({ concurrency: 1, count: [15_000, 8000] }),
  "redis-process-10": process({ concurrency: 10, count: [80_000, 30_000] }),
  "redis-process-100": process({ concurrency: 100, count: [250_000, 30_000] }),
  "redis-process-1000": process({ concurrency: 1000, count: [300_000, 30_000] }),
  "redis-both": both({ inFlight: 1000, concurrency: 1000, count: [200_000, 20_000] }),
  "redis-latency": latency(10),
  "redis-bytes": bytes(100_000),
  "redis-backlog-10k": process({ concurrency: 100, count: [8000, 8000], backlog: 10_000 }),
  "redis-backlog-100k": process({ concurrency: 100, count: [75_000, 30_000], backlog: 100_000 }),
  "redis-backlog-1m": process({ concurrency: 100, count: [75_000, 30_000], backlog: 1_000_000 }),
  "redis-delayed-none": process({ concurrency: 100, count: [200_000, 30_000] }),
  "redis-delayed-100k": process({ concurrency: 100, count: [200_000, 30_000], delayed: 100_000 }),
  "redis-send-10kb": send({ inFlight: 100, count: [20_000, 10_000], shape: "10kb" }),
  "redis-send-100kb": send({ inFlight: 100, count: [3000, 2000], shape: "100kb" }),
  "redis-process-10kb": process({ concurrency: 100, count: [20_000, 10_000], shape: "10kb" }),
  "redis-process-100kb": process({ concurrency: 100, count: [3000, 2000], shape: "100kb" }),
  "redis-sleep-0": sleeping({ sleep: 0, concurrency: 1000, seconds: 0, count: [600_000, 60_000] }),
  "redis-sleep-100ms": sleeping({ sleep: 100, concurrency: 1000, seconds: 6 }),
  "redis-sleep-1s": sleeping({ sleep: 1000, concurrency: 1000, seconds: 8 }),
  "redis-sleep-1s-2000": sleeping({ sleep: 1000, concurrency: 2000, seconds: 8 }),
  "redis-soak": soak(60, 100),
  "redis-heap": heap(1_000_000),
} satisfies Record<string, (side: SideName) => Case>;

export type RedisKind = keyof typeof kinds;
export type RedisCaseName = `${RedisKind}.${SideName}`;

const list = Object.entries(kinds).flatMap(([kind, of]) => sideNames.map((side) => [`${kind}.${side}`, of(side)]));

/** Every kind with every side. */
export const redisCases = Object.fromEntries(list) as Readonly<Record<RedisCaseName, Case>>;
