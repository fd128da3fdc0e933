import type { CaseName } from "./cases/index.ts";
import type { Figure } from "./figure.ts";
import { redisRows } from "./redis-rows.ts";

/** A figure of a case, besides its rate. */
export interface Metric {
  readonly key: string;
  readonly label: string;
  readonly unit: string;
  readonly digits: number;
  /** More than this is a miss. */
  readonly max?: number;
}

export interface Row {
  readonly name: string;
  readonly title: string;
  readonly ours: CaseName;
  /** What ours is compared with, in the same run. */
  readonly against?: CaseName;
  /** `ratio`: rate of ours ÷ rate of the other. `price`: time per message of ours − that of the other. */
  readonly compare: "ratio" | "price" | "none";
  readonly must?: number;
  readonly goal?: number;
  readonly metrics?: readonly Metric[];
  /** More that is measured in the same run, by the names that `figures` know it by. */
  readonly sides?: Readonly<Record<string, CaseName>>;
  readonly figures?: readonly Figure[];
}

const loop: readonly Metric[] = [
  { key: "loopP99", label: "event loop p99", unit: "ms", digits: 1, max: 20 },
  { key: "loopMax", label: "event loop longest", unit: "ms", digits: 1 },
];
const heap: readonly Metric[] = [
  { key: "growth", label: "heap growth per 1M", unit: "MB", digits: 3, max: 1 },
  { key: "heap", label: "heap at the end", unit: "MB", digits: 1 },
  { key: "rss", label: "resident memory at the end", unit: "MB", digits: 0 },
  { key: "handles", label: "timers and handles added", unit: "", digits: 0, max: 0 },
];
const latency: readonly Metric[] = [
  { key: "p50", label: "send to handler p50", unit: "ms", digits: 3 },
  { key: "p99", label: "send to handler p99", unit: "ms", digits: 3 },
  { key: "sendP50", label: "send confirmed p50", unit: "ms", digits: 3 },
  { key: "sendP99", label: "send confirmed p99", unit: "ms", digits: 3 },
];

function price(name: CaseName, title: string, against?: CaseName): Row {
  const given = against === undefined ? {} : { against };
  return { name, title, ours: name, ...given, compare: against === undefined ? "none" : "price" };
}

export const rows: readonly Row[] = [
  {
    ...{ name: "memory", title: "in memory: send and process at once, against a bare ring" },
    ...{ ours: "memory.ours", against: "memory.bare", compare: "ratio", must: 0.45, goal: 0.7 },
  },
  {
    ...{ name: "sqlite-send", title: "sqlite: send, against bare inserts" },
    ...{ ours: "sqlite-send.ours", against: "sqlite-send.bare", compare: "ratio", must: 0.5, goal: 0.7, metrics: loop },
  },
  {
    ...{ name: "sqlite-process", title: "sqlite: process, against bare reads, leases and deletes" },
    ...{ ours: "sqlite-process.ours", against: "sqlite-process.bare", compare: "ratio" },
    ...{ must: 0.5, goal: 0.7, metrics: loop },
  },
  {
    ...{ name: "sqlite-send-json", title: "sqlite: send, against bare inserts with the schema and JSON" },
    ...{ ours: "sqlite-send.ours", against: "sqlite-send.bare-json", compare: "ratio" },
  },
  {
    ...{ name: "sqlite-process-json", title: "sqlite: process, against the bare loop with the schema and JSON" },
    ...{ ours: "sqlite-process.ours", against: "sqlite-process.bare-json", compare: "ratio" },
  },
  {
    name: "heap-memory",
    title: "heap over 1M messages in memory",
    ours: "heap-memory",
    compare: "none",
    metrics: heap,
  },
  {
    name: "heap-sqlite",
    title: "heap over 200k messages in sqlite",
    ours: "heap-sqlite",
    compare: "none",
    metrics: heap,
  },
  {
    ...{ name: "latency-memory", title: "in memory: latency at 100 messages per second" },
    ...{ ours: "latency-memory", compare: "none", metrics: latency },
  },
  {
    ...{ name: "latency-sqlite", title: "sqlite: latency at 100 messages per second" },
    ...{ ours: "latency-sqlite.ours", compare: "none", metrics: latency },
  },
  {
    ...{ name: "latency-sqlite-bare", title: "the same of one flushed bare transaction per message" },
    ...{ ours: "latency-sqlite.bare", compare: "none", metrics: latency.slice(0, 2) },
  },
  price("price-no-schema", "price: without a schema", "price-plain"),
  price("price-middleware", "price: three async middlewares", "price-plain"),
  price("price-producer-middleware", "price: one async producer middleware", "price-plain"),
  price("price-app-dependency", "price: a dependency of the app", "price-plain"),
  price("price-message-dependency", "price: a dependency of the message", "price-plain"),
  price("price-headers", "price: a headers schema and one header", "price-plain"),
  price("price-timeout", "price: a timeout", "price-plain"),
  price("price-retry", "price: a retry policy", "price-plain"),
  price("price-signal", "price: reading the signal", "price-plain"),
  price("price-10kb", "price: payload of 10 KB"),
  price("price-100kb", "price: payload of 100 KB"),
  ...redisRows,
];
