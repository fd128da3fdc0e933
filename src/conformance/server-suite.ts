import { bindCase } from "./bind-case.ts";
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
  const cases = groups.flat();
  const unknown = Object.keys(target.skip ?? {}).filter((name) => cases.every((one) => one.name !== name));
  if (unknown.length > 0) throw new TypeError(`Cannot skip cases that do not exist: ${unknown.join("; ")}`);
  return cases.map((one) => bindCase(one, target, one.check));
}
