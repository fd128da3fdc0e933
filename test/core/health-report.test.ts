import { describe, expect, test } from "vitest";
import { type ConsumerHealth, reportHealth, type WorkerPhase } from "../../src/runtime/health-report.ts";

const counts = { processed: 1, acked: 1, nacked: 0, rejected: 0, retried: 0, expired: 0, abandoned: 0 };

const well: ConsumerHealth = {
  server: "main",
  connection: "ready",
  subscription: "ready",
  channels: ["default"],
  running: 0,
  waiting: 0,
  held: 0,
  contactAge: 5,
  stalled: undefined,
};

interface Known {
  readonly phase?: WorkerPhase;
  readonly paused?: boolean;
  readonly consumers?: readonly ConsumerHealth[];
  readonly zombies?: number;
}

function report({ phase = "running", paused = false, consumers = [well], zombies = 0 }: Known) {
  return reportHealth({ phase, paused, consumers, counts, zombies, stallTimeout: 60_000 });
}

const other: ConsumerHealth = { ...well, server: "other" };

/** What is known, whether it is live and ready, and why not. */
const table: readonly (readonly [string, Known, boolean, boolean, readonly string[]])[] = [
  ["all is well", {}, true, true, []],
  ["idle for long, but in contact", { consumers: [{ ...well, contactAge: 59_999 }] }, true, true, []],
  ["a server that tells no contact", { consumers: [{ ...well, contactAge: undefined }] }, true, true, []],
  ["no contact since receipt", { consumers: [{ ...well, contactAge: 0 }] }, true, true, []],
  ["full and busy", { consumers: [{ ...well, running: 1000, waiting: 100, held: 1100 }] }, true, true, []],
  ["handlers that never end", { zombies: 3 }, true, true, []],
  ["not started", { phase: "idle", consumers: [] }, true, false, ["the worker is idle"]],
  ["starting", { phase: "starting", consumers: [] }, true, false, ["the worker is starting"]],
  ["stopping", { phase: "stopping" }, true, false, ["the worker is stopping"]],
  ["stopped", { phase: "stopped" }, true, false, ["the worker is stopped"]],
  ["failed", { phase: "failed" }, false, false, ["the worker is failed"]],
  ["paused", { paused: true }, true, false, ["the worker is paused"]],
  [
    "the broker is away",
    { consumers: [{ ...well, connection: "reconnecting", subscription: "reconnecting" }] },
    true,
    false,
    ["server main is reconnecting", "subscription on main is reconnecting"],
  ],
  [
    "the server is closed under the worker",
    { consumers: [{ ...well, connection: "closed" }] },
    true,
    false,
    ["server main is closed"],
  ],
  [
    "a connection that failed while the subscription still lives",
    { consumers: [{ ...well, connection: "failed" }] },
    true,
    false,
    ["server main is failed"],
  ],
  [
    "a subscription that failed for good",
    { consumers: [{ ...well, subscription: "failed" }] },
    false,
    false,
    ["subscription on main is failed"],
  ],
  [
    "no contact for the whole time",
    { consumers: [{ ...well, contactAge: 60_000.4 }] },
    true,
    false,
    ["subscription on main has had no contact for 60000 ms"],
  ],
  [
    "a stall says why, and only that",
    { consumers: [{ ...well, stalled: "a backlog, but no deliveries", contactAge: 70_000 }] },
    true,
    false,
    ["subscription on main is stalled: a backlog, but no deliveries"],
  ],
  [
    "one of two servers is away",
    { consumers: [well, { ...other, subscription: "connecting" }] },
    true,
    false,
    ["subscription on other is connecting"],
  ],
  [
    "one of two failed: a restart helps",
    { consumers: [well, { ...other, subscription: "failed" }] },
    false,
    false,
    ["subscription on other is failed"],
  ],
  [
    "everything at once is all told",
    {
      phase: "stopping",
      paused: true,
      consumers: [{ ...well, connection: "failed", subscription: "failed", stalled: "no contact to the broker" }],
    },
    false,
    false,
    [
      "the worker is stopping",
      "the worker is paused",
      "server main is failed",
      "subscription on main is failed",
      "subscription on main is stalled: no contact to the broker",
    ],
  ],
];

describe("the health of a worker", () => {
  test.each(table)("%s", (_, known, live, ready, reasons) => {
    expect(report(known)).toMatchObject({ live, ready, reasons });
  });

  test("shows what it was drawn from", () => {
    const consumers = [well, other];
    expect(report({ phase: "stopping", consumers, zombies: 2 })).toMatchObject({
      phase: "stopping",
      consumers,
      counts,
      zombies: 2,
    });
  });

  test("is a copy: counting on does not change a report", () => {
    const live = { ...counts };
    const given = { phase: "running", paused: false, consumers: [], zombies: 0, stallTimeout: 1 } as const;
    const before = reportHealth({ ...given, counts: live });
    live.processed = 99;
    expect(before.counts.processed).toBe(1);
  });

  test("is ready exactly when there is no reason against it, whatever is known", () => {
    const phases: readonly WorkerPhase[] = ["idle", "starting", "running", "stopping", "stopped", "failed"];
    const states = ["connecting", "ready", "reconnecting", "failed", "closed"] as const;
    for (const phase of phases) {
      for (const connection of states) {
        for (const subscription of states) {
          for (const contactAge of [undefined, 0, 60_000]) {
            const { live, ready, reasons } = report({
              phase,
              consumers: [{ ...well, connection, subscription, contactAge }],
            });
            expect(ready).toBe(reasons.length === 0);
            expect(ready).toBe(
              phase === "running" && connection === "ready" && subscription === "ready" && contactAge !== 60_000,
            );
            expect(live).toBe(phase !== "failed" && subscription !== "failed");
          }
        }
      }
    }
  });
});
