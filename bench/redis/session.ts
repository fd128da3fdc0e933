import type { Measurement, Setting } from "../case.ts";
import { type Child, start } from "./child.ts";
import { openProbe, type Probe } from "./probe.ts";
import type { Shape } from "./shape.ts";
import type { SideName } from "./side.ts";
import type { Report, Task } from "./task.ts";

/** One run of one case: an empty Redis, and processes on it, whose processor time is added up. */
export interface Session {
  readonly probe: Probe;
  start(task: WithoutPlace<Task>): Child;
  /** Sends so many, in another process, and waits for its end. */
  fill(count: number, delay?: number): Promise<void>;
}

type WithoutPlace<T> = T extends unknown ? Omit<T, "side" | "url" | "shape"> : never;

export interface Place {
  readonly side: SideName;
  readonly shape: Shape;
}

export async function withSession(
  { redis: url }: Setting,
  { side, shape }: Place,
  use: (session: Session) => Promise<Measurement>,
): Promise<Measurement> {
  if (url === undefined) throw new Error("This case needs a Redis.");
  const probe = await openProbe(url);
  const children: Promise<Report>[] = [];
  const session: Session = {
    probe,
    start(task) {
      const child = start({ ...task, side, url, shape });
      children.push(child.report);
      return child;
    },
    async fill(count, delay) {
      await session.start({ role: "fill", count, ...(delay === undefined ? {} : { delay }) }).report;
    },
  };
  try {
    await probe.clear();
    const before = await probe.cpu();
    const measured = await use(session);
    const reports = await Promise.all(children);
    await probe.clear();
    const own = reports.reduce((sum, { total }) => sum + total, 0);
    return { ...measured, elsewhere: own + (await probe.cpu()) - before };
  } finally {
    await probe.close();
  }
}

/** Microseconds of the processor that the server uses from the begin of what a child measures to its end. */
export async function serverCost(child: Child, probe: Probe): Promise<number> {
  await child.begun;
  const before = await probe.cpu();
  await child.ended;
  return (await probe.cpu()) - before;
}
