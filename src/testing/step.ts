import type { Engine } from "../app/engine.ts";
import type { InMemoryServer } from "../servers/memory/index.ts";

export interface StepHost {
  readonly engine: Engine;
  readonly servers: ReadonlyMap<string, InMemoryServer>;
}

/** Handlers may wait for real things (a file, a socket): look again soon, without spinning. */
const lookAgainAfter = 1;

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

async function isQuiet({ engine, servers }: StepHost): Promise<boolean> {
  const channels = new Set(engine.plans().map((plan) => plan.channel.address));
  for (const server of servers.values()) {
    for (const channel of channels) {
      const { ready, inFlight } = await server.inspect(channel);
      if (ready > 0 || inFlight > 0) return false;
    }
  }
  return true;
}

/** Quiet twice with a turn of the loop between: what was just settled may have caused something new. */
async function untilQuiet(host: StepHost, isOver: () => boolean): Promise<void> {
  for (let quiet = 0; quiet < 2 && !isOver(); ) {
    await turn();
    if (await isQuiet(host)) {
      quiet += 1;
    } else {
      quiet = 0;
      await pause();
    }
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
  await untilQuiet(host, () => over);
  const { processed } = await worker.stop();
  await finished;
  return processed;
}
