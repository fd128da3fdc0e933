import { join } from "node:path";
import { type Case, collect, inFlight, type Measurement, type Setting, scaled } from "../case.ts";
import { slope } from "../stats.ts";
import { memorySubject } from "./memory.ts";
import { sqliteSubject } from "./sqlite.ts";
import { concurrency, type Subject, withWorker } from "./subject.ts";

const steps = 10;
const mega = 1e6;

/** Heap after full collections, ten times on the way; the slope of the straight line through these points. */
function grow(subject: Subject, messages: number): Promise<Measurement> {
  return withWorker(subject, async (settled) => {
    const each = messages / steps;
    async function step(): Promise<void> {
      const done = settled(each);
      await inFlight(concurrency, each, subject.send);
      await done;
      collect();
    }
    await step(); // Code is compiled and rings grow to their size.
    await step();
    const resources = process.getActiveResourcesInfo().length;
    const points: [number, number][] = [[0, process.memoryUsage().heapUsed]];
    const cpu = process.cpuUsage();
    const start = performance.now();
    for (let i = 1; i <= steps; i += 1) {
      await step();
      points.push([i * each, process.memoryUsage().heapUsed]);
    }
    const wall = performance.now() - start;
    const used = process.cpuUsage(cpu);
    const figures = {
      growth: slope(points),
      heap: (points.at(-1)?.[1] ?? Number.NaN) / mega,
      rss: process.memoryUsage().rss / mega,
      handles: process.getActiveResourcesInfo().length - resources,
    };
    return { messages, wall, cpu: used.user + used.system, figures };
  });
}

export const memory: Case = (setting: Setting) => grow(memorySubject(), scaled(1_000_000, setting));
export const sqlite: Case = (setting: Setting) =>
  grow(sqliteSubject(join(setting.folder, "bench.db")), scaled(200_000, setting));
