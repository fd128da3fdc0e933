import type { RedisKind } from "./cases/redis-cases.ts";
import { cost, type Figure, own, rate, serverCost } from "./figure.ts";
import type { SideName } from "./redis/side.ts";
import type { Row } from "./rows.ts";

type Limits = readonly [must?: number, goal?: number];

function limits([must, goal]: Limits): Pick<Figure, "must" | "goal"> {
  return { ...(must === undefined ? {} : { must }), ...(goal === undefined ? {} : { goal }) };
}

const names: Readonly<Record<SideName, string>> = {
  ours: "ours",
  thin: "thin loop",
  bullmq: "BullMQ",
  bee: "bee-queue",
};

/** Rate of ours ÷ that of explicit pipelines of 100, one after the other. */
const timesPipelines = (...of: Limits): Figure => ratioOf("rate ÷ pipelines of 100", "ours", "pipelines", ...of);

/** Rate of ours ÷ rate of the other. */
const times = (other: SideName, ...of: Limits): Figure => ({
  label: `rate ÷ ${names[other]}`,
  digits: 2,
  value: (run) => rate(run["ours"]) / rate(run[other]),
  ...limits(of),
});

const clientCpu = (...of: Limits): Figure => ({
  label: "CPU per message",
  unit: "µs",
  digits: 2,
  better: "low",
  value: (run) => cost(run["ours"]),
  ...limits(of),
});
const clientCpuTo = (other: SideName, ...of: Limits): Figure => ({
  label: `CPU per message ÷ ${names[other]}`,
  digits: 2,
  better: "low",
  value: (run) => cost(run["ours"]) / cost(run[other]),
  ...limits(of),
});
const serverCpuTo = (other: SideName, ...of: Limits): Figure => ({
  label: `Redis CPU ÷ ${names[other]}`,
  digits: 2,
  better: "low",
  value: (run) => serverCost(run["ours"]) / serverCost(run[other]),
  ...limits(of),
});
/** A figure of the case itself, ours alone or ÷ that of another side. */
const of = (key: string, label: string, rest: Partial<Figure>, other?: SideName): Figure => ({
  label: other === undefined ? label : `${label} ÷ ${names[other]}`,
  digits: 2,
  better: "low",
  value: (run) => own(run["ours"], key) / (other === undefined ? 1 : own(run[other], key)),
  ...rest,
});

const all: readonly SideName[] = ["thin", "bullmq", "bee"];
const rivals: readonly SideName[] = ["thin", "bullmq"];

function row(name: RedisKind, title: string, others: readonly SideName[], figures: readonly Figure[]): Row {
  const sides = Object.fromEntries(others.map((side) => [side, `${name}.${side}` as const]));
  return { name, title: `redis: ${title}`, ours: `${name}.ours`, compare: "none", sides, figures };
}

function withPipelines(one: Row): Row {
  return { ...one, sides: { ...one.sides, pipelines: "redis-send-100.thin" } };
}

export const redisRows: readonly Row[] = [
  row("redis-send-1", "awaited sends, one in flight", all, [times("thin", 0.9, 0.95), times("bullmq")]),
  row("redis-send-100", "awaited sends, 100 in flight; thin loop: a pipeline of 100", all, [
    ...[times("thin", 0.6, 0.8), times("bullmq", 3, 5), times("bee")],
    ...[clientCpu(), serverCpuTo("thin")],
  ]),
  withPipelines(
    row("redis-send-1000", "awaited sends, 1,000 in flight; thin loop: ten pipelines of 100 at a time", all, [
      ...[timesPipelines(0.6, 0.8), times("thin"), times("bullmq", 3, 5), times("bee")],
      ...[clientCpu(), serverCpuTo("thin")],
    ]),
  ),
  withPipelines(
    row("redis-bulk", "bulk sends of 1,000; thin loop: ten pipelines of 100 at a time", all, [
      ...[timesPipelines(0.6, 0.85), times("thin"), times("bullmq", 5, 8), times("bee")],
      ...[clientCpu(), serverCpuTo("thin")],
    ]),
  ),
  row("redis-process-1", "process, concurrency 1", all, [
    ...[times("thin", 0.8, 0.95), times("bullmq"), times("bee"), serverCpuTo("thin")],
  ]),
  row("redis-process-10", "process, concurrency 10", all, [
    ...[times("thin", 0.6, 0.8), times("bullmq"), times("bee"), serverCpuTo("thin")],
  ]),
  row("redis-process-100", "process, concurrency 100", all, [
    ...[times("thin", 0.5, 0.75), times("bullmq", 4, 7), times("bee")],
    ...[clientCpu(6, 4), clientCpuTo("bullmq", 0.25), serverCpuTo("thin", 1.25, 1.1), serverCpuTo("bullmq")],
  ]),
  row("redis-process-1000", "process, concurrency 1,000", all, [
    ...[times("thin", 0.45, 0.65), times("bullmq"), times("bee")],
    ...[clientCpu(6, 4), clientCpuTo("bullmq", 0.25), serverCpuTo("thin", 1.25, 1.1), serverCpuTo("bullmq")],
  ]),
  row("redis-both", "send and process at once, two processes, 1,000 each", all, [
    ...[times("thin", 0.5, 0.7), times("bullmq"), times("bee"), clientCpu(), serverCpuTo("thin")],
    of("sendCpu", "producer's CPU per message", { unit: "µs" }),
  ]),
  row("redis-latency", "100 messages a second from one process to another", all, [
    of("p50", "p50", { unit: "ms", digits: 3 }),
    of("p50", "p50", { must: 2, goal: 1.4 }, "thin"),
    of("p50", "p50", {}, "bullmq"),
    of("p99", "p99", { unit: "ms", digits: 3 }),
    of("p99", "p99", { goal: 1.4 }, "thin"),
    of("p99", "p99", { must: 1 }, "bullmq"),
  ]),
  row("redis-bytes", "bytes of Redis per queued message of 98 bytes", all, [
    of("bytes", "bytes per message", { unit: "B", digits: 0 }),
    of("overhead", "bytes beside the payload", { unit: "B", digits: 0, must: 60, goal: 40 }),
    of("overhead", "bytes beside the payload", {}, "thin"),
    of("bytes", "bytes per message", {}, "bullmq"),
  ]),
  {
    ...{
      name: "redis-backlog",
      title: "redis: process, concurrency 100, with 100,000 messages waiting, and with others",
    },
    ...{ ours: "redis-backlog-100k.ours", compare: "none" },
    sides: {
      ...{ "10k": "redis-backlog-10k.ours", "1m": "redis-backlog-1m.ours" },
      ...{ thin: "redis-backlog-100k.thin", "thin 1m": "redis-backlog-1m.thin" },
    },
    figures: [
      ratioOf("rate with 1M ÷ with 100k", "1m", "ours", 0.95, 0.97),
      ratioOf("thin loop's", "thin 1m", "thin"),
      ratioOf("rate with 10k ÷ with 100k", "10k", "ours"),
    ],
  },
  {
    ...{ name: "redis-delayed", title: "redis: process, concurrency 100, with 100,000 delayed messages" },
    ...{ ours: "redis-delayed-100k.ours", compare: "none", sides: { none: "redis-delayed-none.ours" } },
    figures: [ratioOf("rate with them ÷ without", "ours", "none", 0.95, 0.97)],
  },
  ...(["10kb", "100kb"] as const).flatMap((size) => [
    row(`redis-send-${size}`, `awaited sends of ${size}, 100 in flight`, rivals, [
      ...[times("thin"), times("bullmq", 2, 3), serverCpuTo("thin")],
    ]),
    row(`redis-process-${size}`, `process messages of ${size}, concurrency 100`, rivals, [
      ...[times("thin"), times("bullmq", 2, 3), serverCpuTo("thin")],
    ]),
  ]),
  row("redis-sleep-0", "handlers that only count, 2 processes × 1,000", rivals, [times("thin"), times("bullmq")]),
  row("redis-sleep-100ms", "handlers that wait 100 ms, 2 processes × 1,000", rivals, [
    of("ofMaximum", "of the maximum", { digits: 3, better: "high", must: 0.97, goal: 0.985 }),
    of("ofMaximum", "of the maximum", { digits: 3, better: "high" }, "thin"),
    of("cpuShare", "workers' CPU", { unit: "% of a core", digits: 1 }),
    of("cpuShare", "workers' CPU", { must: 0.4, goal: 0.25 }, "bullmq"),
    of("cpuShare", "workers' CPU", {}, "thin"),
  ]),
  row("redis-sleep-1s", "handlers that wait 1 s, 2 processes × 1,000", rivals, [
    of("ofMaximum", "of the maximum", { digits: 3, better: "high", must: 0.98 }),
    of("cpuShare", "workers' CPU", {}, "bullmq"),
  ]),
  row("redis-sleep-1s-2000", "handlers that wait 1 s, 2 processes × 2,000", rivals, [
    of("ofMaximum", "of the maximum", { digits: 3, better: "high", must: 0.98 }),
    of("cpuShare", "workers' CPU", {}, "bullmq"),
  ]),
  row(
    "redis-soak",
    "resident memory of a worker that is never idle, 60 s",
    ["thin"],
    [
      of("end", "memory at the end", { unit: "MB", digits: 0 }),
      {
        ...{ label: "memory at the end ÷ thin loop's at its start", digits: 2, better: "low", must: 1.5, goal: 1.25 },
        value: (run) => own(run["ours"], "end") / own(run["thin"], "start"),
      },
      of("drift", "memory at the end ÷ after 10 s", { must: 1.05 }),
    ],
  ),
  row(
    "redis-heap",
    "heap of a process that sends and handles 1M messages",
    ["thin"],
    [
      of("growth", "heap growth per 1M", { unit: "MB", digits: 3, must: 1, goal: 0.256 }),
      of("end", "heap at the end", { unit: "MB", digits: 1 }),
    ],
  ),
];

function ratioOf(label: string, above: string, below: string, ...of: Limits): Figure {
  return { label, digits: 2, value: (run) => rate(run[above]) / rate(run[below]), ...limits(of) };
}
