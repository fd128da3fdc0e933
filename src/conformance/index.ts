/**
 * The adapter contract as tests, for the servers of millrace and for those of others. Needs no particular test runner.
 *
 * @module
 */
export { appSuite } from "./app/app-suite.ts";
export { type Bindings, defineTests, type TestContext, type TestOptions } from "./bind.ts";
export type { ConformanceCase, RunContext } from "./conformance-case.ts";
export { type CaseResult, type RunOptions, runSuite } from "./run-suite.ts";
export { serverSuite } from "./server-suite.ts";
export type { CreateOptions, ServerTarget, Timeouts } from "./server-target.ts";
export { stress } from "./stress.ts";
