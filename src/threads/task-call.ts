import { basename } from "node:path";
import { OptionError } from "../server/errors.ts";
import type { Failure } from "./failure.ts";
import type { TaskContext, TaskInput } from "./task.ts";

/** What our entry in the thread gets. */
export interface TaskCall {
  readonly url: string;
  readonly export: string;
  /** The input; for processes packed, see `packed.ts`. */
  readonly input: unknown;
  /** Of a thread: shared memory that holds the `stage` of the run, notified when it begins. */
  readonly stage?: Int32Array;
  /** Of a process: sent back when the run begins. */
  readonly id?: string;
}

/** Stages of a run in a thread. */
export const stage = { waiting: 0, running: 1, uncloneable: 2 } as const;

/** What it returns. It never rejects, so that a rejection of the pool always is about the thread, not about the task. */
export type TaskOutcome =
  | { readonly value: unknown }
  | { readonly failure: Failure }
  | { readonly missing: readonly string[] }
  | { readonly uncloneable: Failure };

/** The function to run, and how to call it in messages. */
export interface TaskTarget {
  readonly url: string;
  readonly export: string;
  readonly label: string;
}

export function taskTarget(url: URL, exported: string): TaskTarget {
  if (!(url instanceof URL) || (url.protocol !== "file:" && url.protocol !== "data:")) {
    throw new OptionError('Expected the task\'s module as a file URL: new URL("./task.ts", import.meta.url).');
  }
  if (typeof exported !== "string" || exported.length === 0) {
    throw new OptionError("Expected export to be the name of an exported function.");
  }
  const file = url.protocol === "data:" ? "data:" : basename(url.pathname);
  return { url: url.href, export: exported, label: exported === "default" ? file : `${file}#${exported}` };
}

export function taskInput(context: TaskContext): TaskInput<unknown, unknown, unknown> {
  const { payload, headers, deps, message } = context;
  if (message === undefined) return { payload, headers, deps, message };
  const { id, channel, server, attempt, deliveries, contentType, replyTo } = message;
  return { payload, headers, deps, message: { id, channel, server, attempt, deliveries, contentType, replyTo } };
}

/** The error for an input that cannot be copied, or `undefined` when it can. Costs a copy: only after a failure. */
export function cloneError(
  target: TaskTarget,
  input: TaskInput<unknown, unknown, unknown>,
  clone: (value: unknown) => unknown,
): OptionError | undefined {
  for (const name of ["payload", "headers", "deps"] as const) {
    const found = firstUncloneable(name, input[name], clone);
    if (found === undefined) continue;
    const hint = name === "deps" ? "Open it in the task's own module instead" : "Turn it into plain data first";
    return new OptionError(
      `The task ${target.label} cannot get ${found.path}: it cannot be copied to another thread or process. ${hint}.`,
      { cause: found.error },
    );
  }
  return undefined;
}

function firstUncloneable(
  path: string,
  value: unknown,
  clone: (value: unknown) => unknown,
): { readonly path: string; readonly error: unknown } | undefined {
  const error = errorOf(clone, value);
  if (error === undefined) return undefined;
  if (typeof value === "object" && value !== null) {
    for (const [key, part] of Object.entries(value)) {
      const inner = errorOf(clone, part);
      if (inner !== undefined) return { path: `${path}.${key}`, error: inner };
    }
  }
  return { path, error };
}

function errorOf(clone: (value: unknown) => unknown, value: unknown): unknown {
  try {
    clone(value);
    return undefined;
  } catch (error) {
    return error ?? new Error("not cloneable");
  }
}
