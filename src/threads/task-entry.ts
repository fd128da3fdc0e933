import { toFailure } from "./failure.ts";
import { pack, unpack } from "./packed.ts";
import { stage, type TaskCall, type TaskOutcome } from "./task-call.ts";

/*
 * The only file of millrace that runs inside the thread or process: it says when the run begins (a wait in the pool's
 * queue is no run), loads the user's module, and turns what that throws into data that survives the way back.
 */

/**
 * Entry of a thread.
 *
 * @public the pool calls it by name
 */
export async function runInThread(call: TaskCall): Promise<TaskOutcome> {
  watchForCloneErrors();
  last = undefined;
  if (call.stage !== undefined) {
    Atomics.store(call.stage, 0, stage.running);
    Atomics.notify(call.stage, 0);
  }
  const outcome = await outcomeOf(call, call.input);
  last = call.stage;
  return "value" in outcome ? withTransfer(outcome) : outcome;
}

/**
 * Entry of a process. Resolves to bytes, see `TaskCall.input`.
 *
 * @public the pool calls it by name
 */
export async function runInProcess(call: TaskCall): Promise<Uint8Array> {
  ignoreInterrupt();
  // Awaited, because a task that never yields would keep the message in this process.
  await new Promise<void>((resolve) => {
    if (process.send === undefined) resolve();
    else process.send({ millraceTaskStarted: call.id }, undefined, undefined, () => resolve());
  });
  const outcome = await outcomeOf(call, unpack(call.input));
  try {
    return pack(outcome);
  } catch (error) {
    return pack({ uncloneable: toFailure(error) } satisfies TaskOutcome);
  }
}

async function outcomeOf(call: TaskCall, input: unknown): Promise<TaskOutcome> {
  try {
    const loaded = (await import(call.url)) as Readonly<Record<string, unknown>>;
    const task = loaded[call.export];
    if (typeof task !== "function") return { missing: Object.keys(loaded) };
    return { value: (await task(withBareHeaders(input))) as unknown };
  } catch (error) {
    return { failure: toFailure(error) };
  }
}

/** Headers have no prototype, so that one called `constructor` is just a header; the copy gave them one. */
function withBareHeaders(input: unknown): unknown {
  const { headers } = input as { readonly headers: unknown };
  if (typeof headers !== "object" || headers === null) return input;
  return { ...(input as object), headers: Object.assign(Object.create(null), headers) as unknown };
}

const transferable = Symbol.for("Piscina.transferable");
const content = Symbol.for("Piscina.valueOf");

/**
 * `Piscina.move(buffer)` marks a result that is handed over instead of copied. The mark is a property of the result, and
 * ours wraps it, so it has to be put on the wrapper.
 */
function withTransfer(outcome: { readonly value: unknown }): TaskOutcome {
  const { value } = outcome;
  if (typeof value !== "object" || value === null || !(transferable in value) || !(content in value)) return outcome;
  const moved = { value: value[content] };
  const wrapper = { ...moved, [transferable]: value[transferable], [content]: moved };
  for (const mark of Object.getOwnPropertySymbols(value)) {
    if (!(mark in wrapper)) Object.defineProperty(wrapper, mark, { value: true });
  }
  return wrapper;
}

let isWatching = false;
let last: Int32Array | undefined;

/**
 * The pool posts the result after we returned it. When that cannot be copied the thread ends, and what reaches the other
 * side is an error without a message; so the reason is left in shared memory.
 */
function watchForCloneErrors(): void {
  if (isWatching) return;
  isWatching = true;
  process.on("uncaughtExceptionMonitor", (error: Error) => {
    if (last !== undefined && error.name === "DataCloneError") Atomics.store(last, 0, stage.uncloneable);
  });
}

let interruptIgnored = false;

/** Ctrl+C reaches the whole process group; the worker above drains, and for that its children must go on. */
function ignoreInterrupt(): void {
  if (interruptIgnored) return;
  interruptIgnored = true;
  process.on("SIGINT", () => undefined);
}
