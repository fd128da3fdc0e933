import { setTimeout as sleep } from "node:timers/promises";
import type { Case } from "../case.ts";
import { payloadOf } from "../payload.ts";
import { serverCost, withSession } from "../redis/session.ts";
import type { Shape } from "../redis/shape.ts";
import type { SideName } from "../redis/side.ts";
import { percentile, slope } from "../stats.ts";

/** Messages that keep a side busy for about a second: [ours and the thin loop, the others]. */
type Amount = readonly [fast: number, slow: number];

export function amount([fast, slow]: Amount, side: SideName, scale: number): number {
  const count = side === "ours" || side === "thin" ? fast : slow;
  return Math.max(500, Math.round((count * scale) / 500) * 500);
}

interface SendOptions {
  readonly inFlight: number | "bulk";
  readonly count: Amount;
  readonly shape?: Shape;
}

/** One process sends, nobody consumes. */
export const send =
  ({ inFlight, count, shape = "plain" }: SendOptions) =>
  (side: SideName): Case =>
  (setting) =>
    withSession(setting, { side, shape }, async ({ probe, start }) => {
      const messages = amount(count, side, setting.scale);
      const child = start({ role: "send", count: messages, warmUp: Math.round(messages / 4), inFlight });
      const server = await serverCost(child, probe);
      return { ...(await child.report), server };
    });

interface ProcessOptions {
  readonly concurrency: number;
  readonly count: Amount;
  readonly shape?: Shape;
  /** Messages in the queue at the start; default those that are handled. */
  readonly backlog?: number;
  /** Messages that are due in an hour. */
  readonly delayed?: number;
}

/** One process handles what is there: a quarter more than is measured, to warm up. */
export const process =
  ({ concurrency, count, shape = "plain", backlog = 0, delayed = 0 }: ProcessOptions) =>
  (side: SideName): Case =>
  (setting) =>
    withSession(setting, { side, shape }, async ({ probe, start, fill }) => {
      const messages = amount(count, side, setting.scale);
      const from = Math.ceil(messages / 4);
      if (delayed > 0) await fill(Math.round(delayed * setting.scale), 3_600_000);
      const to = from + messages;
      await fill(Math.max(to, Math.round(backlog * setting.scale)));
      const step = Math.max(1, Math.floor(messages / 20));
      const child = start({ role: "work", concurrency, sleep: 0, from, to: from + step * 20, step });
      const server = await serverCost(child, probe);
      return { ...(await child.stop()), server };
    });

/** One process sends and another handles, as fast as both can: the rate of the slower. */
export const both =
  ({ inFlight, concurrency, count }: { inFlight: number; concurrency: number; count: Amount }) =>
  (side: SideName): Case =>
  (setting) =>
    withSession(setting, { side, shape: "plain" }, async ({ probe, start }) => {
      const messages = amount(count, side, setting.scale);
      const [from, step] = [Math.ceil(messages / 2), messages / 20];
      const worker = start({ role: "work", concurrency, sleep: 0, from, to: from + messages, step });
      await worker.ready;
      const feeder = start({ role: "feed", inFlight, ahead: messages });
      const telling = setInterval(() => feeder.send({ type: "handled", count: worker.handled }), 50);
      const server = await serverCost(worker, probe);
      clearInterval(telling);
      const sent = await feeder.stop();
      const found = await worker.stop();
      return { ...found, server, figures: { sendCpu: sent.cpu / sent.messages } };
    });

/** 100 messages a second from one process to another. */
export const latency =
  (seconds: number) =>
  (side: SideName): Case =>
  (setting) =>
    withSession(setting, { side, shape: "stamped" }, async ({ probe, start }) => {
      const [warmUp, messages] = [200, Math.max(200, Math.round(seconds * 100 * setting.scale))];
      const worker = start({
        role: "work",
        concurrency: 10,
        sleep: 0,
        from: warmUp,
        to: warmUp + messages,
        step: messages,
      });
      await worker.ready;
      const sender = start({ role: "pace", count: warmUp + messages, interval: 10 });
      const server = await serverCost(worker, probe);
      const sent = await sender.report;
      const found = await worker.stop();
      const { latencies = [] } = found;
      const figures = {
        p50: percentile(latencies, 0.5),
        p99: percentile(latencies, 0.99),
        sendCpu: sent.cpu / sent.messages,
      };
      return { ...found, server, figures };
    });

/** What Redis allocates for messages that wait, payload included and without it. */
export const bytes =
  (count: number) =>
  (side: SideName): Case =>
  (setting) =>
    withSession(setting, { side, shape: "plain" }, async ({ probe, fill }) => {
      const messages = Math.max(20_000, Math.round(count * setting.scale));
      const before = await probe.memory();
      const start = performance.now();
      await fill(messages);
      const wall = performance.now() - start;
      const each = ((await probe.memory()) - before) / messages;
      const payload = JSON.stringify(payloadOf(0)).length;
      return { messages, wall, cpu: 0, figures: { bytes: each, overhead: each - payload } };
    });

interface SleepOptions {
  /** Milliseconds that each handler waits before it counts. */
  readonly sleep: number;
  readonly concurrency: number;
  readonly seconds: number;
  /** Messages, where handlers do not wait. */
  readonly count?: Amount;
}

/** Two processes handle messages that wait, then count. Their rates are those between whole bursts of their slots. */
export const sleeping =
  ({ sleep: pause, concurrency, seconds, count = [0, 0] }: SleepOptions) =>
  (side: SideName): Case =>
  (setting) =>
    withSession(setting, { side, shape: "plain" }, async ({ start, fill }) => {
      const most = (2 * concurrency) / (pause / 1000);
      const duration = Math.max(seconds * setting.scale, (pause / 1000) * 4, 2);
      const messages = pause === 0 ? amount(count, side, setting.scale) : Math.ceil(most * (duration + 1));
      await fill(messages);
      const from = pause === 0 ? messages / 20 : concurrency * Math.max(1, Math.round(500 / pause));
      const workers = [0, 1].map(() => {
        const to = Number.MAX_SAFE_INTEGER;
        return start({ role: "work", concurrency, sleep: pause, from, to, step: concurrency });
      });
      await Promise.all(workers.map((worker) => worker.ready));
      const handled = (): number => workers.reduce((sum, worker) => sum + worker.handled, 0);
      const end = performance.now() + duration * 1000;
      while (performance.now() < (pause === 0 ? end + 30_000 : end) && handled() < messages) await sleep(20);
      const found = await Promise.all(workers.map((worker) => worker.stop()));
      const rate = found.reduce((sum, { messages: done, wall }) => sum + done / wall, 0) * 1000;
      const done = found.reduce((sum, report) => sum + report.messages, 0);
      const cpu = found.reduce((sum, report) => sum + report.cpu, 0);
      const share = found.reduce((sum, report) => sum + report.cpu / 1000 / report.wall, 0) * 100;
      const figures = { cpuShare: share, ...(pause === 0 ? {} : { ofMaximum: rate / most }) };
      return { messages: done, wall: (done / rate) * 1000, cpu, figures };
    });

/** Resident memory of a worker that always has something to do. */
export const soak =
  (seconds: number, concurrency: number) =>
  (side: SideName): Case =>
  (setting) =>
    withSession(setting, { side, shape: "plain" }, async ({ start }) => {
      const duration = Math.max(6, seconds * setting.scale);
      const worker = start({
        role: "work",
        concurrency,
        sleep: 0,
        from: 1000,
        to: Number.MAX_SAFE_INTEGER,
        step: 1000,
      });
      await worker.ready;
      const feeder = start({ role: "feed", inFlight: 1000, ahead: 200_000 });
      const telling = setInterval(() => feeder.send({ type: "handled", count: worker.handled }), 50);
      await sleep(duration * 1000);
      clearInterval(telling);
      await feeder.stop();
      const found = await worker.stop();
      const resident = (found.resident ?? []).map((size) => size / 1e6);
      const part = (from: number, to: number): number =>
        percentile(resident.slice(Math.floor(resident.length * from), Math.ceil(resident.length * to)), 0.5);
      const [early, late] = [part(1 / 6, 1 / 4), part(11 / 12, 1)];
      return { ...found, figures: { start: part(0, 1 / 12), end: late, drift: late / early } };
    });

/** Heap of a process that sends and handles, after full collections, by messages. */
export const heap =
  (count: number) =>
  (side: SideName): Case =>
  (setting) =>
    withSession(setting, { side, shape: "plain" }, async ({ start }) => {
      const messages = Math.max(10_000, Math.round(count * setting.scale));
      const found = await start({ role: "heap", count: messages, inFlight: 1000 }).report;
      return {
        ...found,
        figures: { growth: slope(found.heap ?? []), end: (found.heap?.at(-1)?.[1] ?? Number.NaN) / 1e6 },
      };
    });
