import type { Engine } from "../app/engine.ts";
import type { VirtualClock } from "../internal/virtual-clock.ts";
import type { Worker } from "../runtime/worker.ts";
import type { InMemoryServer } from "../servers/memory/index.ts";

export interface StepHost {
  readonly engine: Engine;
  readonly servers: ReadonlyMap<string, InMemoryServer>;
  readonly clock: VirtualClock;
}

/** Handlers may wait for real things (a file, a socket): look again soon, without spinning. */
const lookAgainAfter = 1;
/** Virtual milliseconds given to messages that wait although nothing runs. */
const waitingStep = 50;
/** Enough for the longest stop: half a minute of virtual time. */
const stopLooks = 1000;

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, lookAgainAfter);
  });
}

async function countReady({ engine, servers }: StepHost): Promise<number> {
  const channels = new Set(engine.plans().map((plan) => plan.channel.address));
  let ready = 0;
  for (const server of servers.values()) {
    for (const channel of channels) ready += (await server.inspect(channel)).ready;
  }
  return ready;
}

/** Looks without change after which what is ready is taken to be out of reach: a manual actor left its message unsettled. */
const patience = 25;

/** Quiet twice with a turn of the loop between: what was just settled may have caused something new. */
async function untilQuiet(host: StepHost, worker: Worker, isOver: () => boolean): Promise<void> {
  let quiet = 0;
  let unchanged = 0;
  for (let before = -1; quiet < 2 && unchanged < patience && !isOver(); ) {
    await turn();
    const ready = await countReady(host);
    const { consumers } = worker.health();
    const running = consumers.reduce((sum, consumer) => sum + consumer.running, 0);
    const waiting = consumers.reduce((sum, consumer) => sum + consumer.waiting, 0);
    const held = consumers.reduce((sum, consumer) => sum + consumer.held, 0);
    quiet = ready + held + running === 0 ? quiet + 1 : 0;
    unchanged = running === 0 && ready === before ? unchanged + 1 : 0;
    before = ready;
    // Nothing runs, yet something waits: for time, which only passes when it is told to.
    if (running === 0 && waiting > 0) await host.clock.advance(waitingStep);
    else if (quiet === 0) await pause();
  }
}

/** Runs the real worker until `limit` messages are processed or nothing is left to do. Returns how many were. */
export async function step(host: StepHost, limit: number): Promise<number> {
  const { engine, servers } = host;
  if (engine.plans().length === 0) return 0;
  const worker = engine.worker({
    servers: [...servers.keys()],
    concurrency: limit === 1 ? 1 : 1000,
    prefetch: 0,
    messagesLimit: limit,
    signals: [],
  });
  let over = false;
  const finished = worker.finished.finally(() => {
    over = true;
  });
  finished.catch(() => {});
  await worker.start();
  await untilQuiet(host, worker, () => over);
  const stopped = worker.stop();
  // Stopping may wait for time, which only passes when it is told to.
  for (let looks = 0; !over && looks < stopLooks; looks += 1) {
    await turn();
    if (!over && looks > patience) await host.clock.advance(waitingStep);
  }
  const { processed } = await stopped;
  await finished;
  return processed;
}
