import { setTimeout as sleep } from "node:timers/promises";
import { collect, inFlight, timed } from "../case.ts";
import { Marks } from "./marks.ts";
import { type BenchPayload, bulkSize, maker, monotonic } from "./shape.ts";
import { loadSide, type RedisSide, type Sender } from "./side.ts";
import type { FromChild, Report, Task, ToChild } from "./task.ts";

/** One child process of a Redis row, which does one thing: `role.ts <task as JSON>`. */
type Of<R extends Task["role"]> = Extract<Task, { readonly role: R }>;
type Found = Omit<Report, "total">;

const nothing: Found = { messages: 0, wall: 0, cpu: 0 };
const tell = (message: FromChild): void => void process.send?.(message);

const heard = { stop: false, handled: 0 };
const stopped = new Promise<void>((resolve) => {
  process.on("message", (message: ToChild) => {
    if (message.type === "handled") heard.handled = message.count;
    else {
      heard.stop = true;
      resolve();
    }
  });
});
process.on("disconnect", () => process.exit());

/** Sends `count` messages in the way of this side, with so many in flight or by its bulk API. */
async function sendAll(side: RedisSide, sender: Sender, task: Task, count: number, limit: number | "bulk") {
  const [make, most] = [maker(task.shape), bulkSize[task.shape]];
  if (limit !== "bulk" && (side.pipeline === 1 || limit < side.pipeline)) {
    return await inFlight(limit, count, (index) => sender.send(make(index)));
  }
  const size = side.pipeline === 1 ? most : Math.min(side.pipeline, most);
  const lanes = Math.max(1, Math.floor((limit === "bulk" ? most : limit) / size));
  await inFlight(lanes, Math.ceil(count / size), (batch) => {
    const from = batch * size;
    return sender.sendMany(Array.from({ length: Math.min(size, count - from) }, (_, index) => make(from + index)));
  });
}

async function fill(task: Of<"fill">, side: RedisSide): Promise<Found> {
  const sender = await side.connect(task);
  const [make, size] = [maker(task.shape), bulkSize[task.shape]];
  for (let done = 0; done < task.count; done += size) {
    const length = Math.min(size, task.count - done);
    const values = Array.from({ length }, (_, index) => make(done + index));
    await sender.sendMany(values, task.delay);
  }
  await sender.close();
  return nothing;
}

async function send(task: Of<"send">, side: RedisSide): Promise<Found> {
  const sender = await side.connect(task);
  await sendAll(side, sender, task, task.warmUp, task.inFlight);
  collect();
  tell({ type: "begin" });
  const measured = await timed(task.count, () => sendAll(side, sender, task, task.count, task.inFlight));
  tell({ type: "end" });
  await sender.close();
  return measured;
}

async function feed(task: Of<"feed">, side: RedisSide): Promise<Found> {
  const sender = await side.connect(task);
  let sent = 0;
  const start = performance.now();
  const cpu = process.cpuUsage();
  tell({ type: "ready" });
  while (!heard.stop) {
    if (sent - heard.handled > task.ahead) await sleep(1);
    else {
      const count = task.inFlight * 20;
      await sendAll(side, sender, task, count, task.inFlight);
      sent += count;
    }
  }
  const used = process.cpuUsage(cpu);
  await sender.close();
  return { messages: sent, wall: performance.now() - start, cpu: used.user + used.system };
}

async function pace(task: Of<"pace">, side: RedisSide): Promise<Found> {
  const sender = await side.connect(task);
  const make = maker(task.shape);
  const sent: Promise<unknown>[] = [];
  const start = performance.now();
  const cpu = process.cpuUsage();
  for (let i = 0; i < task.count; i += 1) {
    await sleep(Math.max(0, start + i * task.interval - performance.now()));
    sent.push(sender.send(make(i))); // Not awaited: a slow one must not put off those that would suffer with it.
  }
  await Promise.all(sent);
  const used = process.cpuUsage(cpu);
  const wall = performance.now() - start;
  await sender.close();
  return { messages: task.count, wall, cpu: used.user + used.system };
}

async function work(task: Of<"work">, side: RedisSide): Promise<Found> {
  const latencies: number[] = [];
  const resident: number[] = [];
  const marks = new Marks({ ...task, onBegin: () => tell({ type: "begin" }), onEnd: () => tell({ type: "end" }) });
  const plain = async (): Promise<void> => marks.hit();
  const sleeping = async (): Promise<void> => {
    // Not that of node:timers/promises, whose objects cost more than many a worker.
    await new Promise((resolve) => setTimeout(resolve, task.sleep));
    marks.hit();
  };
  const stamped = async ({ at }: BenchPayload): Promise<void> => {
    const time = monotonic();
    if (marks.count >= task.from && at !== undefined) latencies.push(time - at);
    marks.hit();
  };
  const handler = task.sleep > 0 ? sleeping : task.shape === "stamped" ? stamped : plain;
  const consumer = await side.work(task, task.concurrency, handler);
  tell({ type: "ready" });
  const telling = setInterval(() => tell({ type: "handled", count: marks.count }), 100);
  const watching = setInterval(() => resident.push(process.memoryUsage.rss()), 500);
  await stopped;
  clearInterval(telling);
  clearInterval(watching);
  const measured = marks.measured();
  await consumer.close();
  return { ...measured, latencies, resident };
}

async function heap(task: Of<"heap">, side: RedisSide): Promise<Found> {
  let count = 0;
  const sender = await side.connect(task);
  const consumer = await side.work(task, task.inFlight, async () => {
    count += 1;
  });
  const steps = 10;
  const each = task.count / steps;
  async function step(): Promise<void> {
    await sendAll(side, sender, task, each, task.inFlight);
    while ((await sender.left()) > 0) await sleep(5);
    collect();
  }
  await step(); // Code is compiled and rings grow to their size.
  await step();
  const points: [number, number][] = [[0, process.memoryUsage().heapUsed]];
  const before = count;
  const measured = await timed(task.count, async () => {
    for (let i = 1; i <= steps; i += 1) {
      await step();
      points.push([i * each, process.memoryUsage().heapUsed]);
    }
  });
  if (count - before < task.count) throw new Error(`Handled ${count - before} of ${task.count} messages.`);
  await consumer.close();
  await sender.close();
  return { ...measured, heap: points };
}

function perform(task: Task, side: RedisSide): Promise<Found> {
  switch (task.role) {
    case "fill":
      return fill(task, side);
    case "send":
      return send(task, side);
    case "feed":
      return feed(task, side);
    case "pace":
      return pace(task, side);
    case "work":
      return work(task, side);
    case "heap":
      return heap(task, side);
  }
}

const task = JSON.parse(process.argv[2] ?? "") as Task;
const found = await perform(task, await loadSide(task.side));
const { user, system } = process.cpuUsage();
const last: FromChild = { type: "report", report: { ...found, total: user + system } };
process.send?.(last, undefined, undefined, () => process.exit());
