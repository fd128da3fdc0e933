import { bindCases } from "./bind-case.ts";
import { deadLetters } from "./cases/deadletters.ts";
import { dedupe } from "./cases/dedupe.ts";
import { delay } from "./cases/delay.ts";
import { expiry } from "./cases/expiry.ts";
import { flow } from "./cases/flow.ts";
import { headers } from "./cases/headers.ts";
import { honesty } from "./cases/honesty.ts";
import { inspect } from "./cases/inspect.ts";
import { lease } from "./cases/lease.ts";
import { lifecycle } from "./cases/lifecycle.ts";
import { load } from "./cases/load.ts";
import { priority } from "./cases/priority.ts";
import { publish } from "./cases/publish.ts";
import { redeliver } from "./cases/redeliver.ts";
import { reply } from "./cases/reply.ts";
import { settle } from "./cases/settle.ts";
import type { ConformanceCase } from "./conformance-case.ts";
import type { ServerCase } from "./server-case.ts";
import type { ServerTarget } from "./server-target.ts";

const groups: readonly (readonly ServerCase[])[] = [
  honesty,
  lifecycle,
  publish,
  headers,
  settle,
  redeliver,
  flow,
  lease,
  delay,
  priority,
  expiry,
  dedupe,
  deadLetters,
  reply,
  inspect,
  load,
];

/**
 * The promises of the adapter contract as cases, for any test runner. A server that passes all that are not skipped
 * can stand behind `createApp`.
 *
 * @example defineTests(serverSuite(target), { describe, it });
 */
export function serverSuite(target: ServerTarget): ConformanceCase[] {
  return bindCases(groups.flat(), target, (one, world) => one.check(world));
}
