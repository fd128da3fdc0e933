import type { MessageHeaders } from "../internal/headers.ts";

/** What a task learns about its message. `undefined` in place of it: a dependency with scope `"app"`. */
export interface TaskMessage {
  readonly id: string;
  readonly channel: string;
  /** Name of the server in the app. */
  readonly server: string;
  /** Which run of an actor this is, 1 = the first. */
  readonly attempt: number;
  /** How often the broker handed the message out, this time included. */
  readonly deliveries: number;
  readonly contentType: string | undefined;
  readonly replyTo: string | undefined;
}

/**
 * The one argument of a task: a copy (structured clone) of what an actor's handler or a dependency's `resolve` gets.
 * Dates, maps, sets, typed arrays, bigints and errors survive the copy; functions, sockets and class methods do not.
 *
 * @example
 * export default function resize({ payload }: TaskInput<{ path: string; width: number }>): Uint8Array { … }
 */
export interface TaskInput<P = unknown, H = MessageHeaders, D = unknown> {
  readonly payload: P;
  readonly headers: H;
  /** Only what can be copied: a connection belongs into the task's own module. */
  readonly deps: D;
  readonly message: TaskMessage | undefined;
}

/** Any function that a thread or process can run. */
export type AnyTask = (input: never) => unknown;

/** What is assumed of a task that was not named as a type argument. */
export type UntypedTask = (input: TaskInput<unknown, unknown, unknown>) => unknown;

type InputOf<T extends AnyTask> = NonNullable<Parameters<T>[0]>;
/** `never` is the input of a task that takes none, and so does not care. */
type Field<I, K extends "payload" | "headers" | "deps"> = [I] extends [never]
  ? unknown
  : I extends Readonly<Record<K, infer V>>
    ? V
    : unknown;

/** The part of a context that a task needs: both that of an actor and that of a dependency have it. */
export interface TaskContext<P = unknown, H = unknown, D = unknown> {
  readonly payload: P;
  readonly headers: H;
  readonly deps: D;
  readonly message: TaskMessage | undefined;
  readonly signal: AbortSignal;
}

/** A task as a handler of an actor, or as `resolve` of a dependency. */
export interface TaskHandler<T extends AnyTask = UntypedTask> extends AsyncDisposable {
  (
    context: TaskContext<Field<InputOf<T>, "payload">, Field<InputOf<T>, "headers">, Field<InputOf<T>, "deps">>,
  ): Promise<Awaited<ReturnType<T>>>;
  /**
   * Ends the threads or processes at once, with what they run; later calls are refused (`TaskTerminatedError`). A pool
   * that you passed in stays open. Without it idle threads do not keep the process alive either.
   */
  close(): Promise<void>;
}
