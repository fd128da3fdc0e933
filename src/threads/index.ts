export { inChildProcess, type ProcessOptions } from "./in-child-process.ts";
export { inWorkerThread, type ThreadOptions } from "./in-worker-thread.ts";
export type { PoolOptions, ProcessPool, ProcessPoolOptions, ThreadLimits, ThreadPool } from "./pool-options.ts";
export type { AnyTask, TaskContext, TaskHandler, TaskInput, TaskMessage, UntypedTask } from "./task.ts";
