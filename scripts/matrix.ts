import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { appSuite, type CaseResult, runSuite, type ServerTarget, serverSuite } from "../src/conformance/index.ts";
import { type Feature, type FeatureName, featureNames } from "../src/server/features.ts";
import { requireBroker } from "../test/brokers.ts";
import { memoryTarget } from "../test/conformance.memory.ts";
import { listTarget, redisTarget } from "../test/conformance.redis.ts";
import { sqliteTarget } from "../test/conformance.sqlite.ts";

/**
 * The capability matrix, from a run and not by hand.
 *
 *     node scripts/matrix.ts           runs the server suite on every server and writes docs/matrix.md
 *     node scripts/matrix.ts --check   fails where docs/matrix.md says something else
 *
 * Needs the brokers: without one of them there is nothing to write.
 */
const path = fileURLToPath(new URL("../docs/matrix.md", import.meta.url));
const sqlite = sqliteTarget();
const targets: readonly ServerTarget[] = [memoryTarget, sqlite, redisTarget("redis"), listTarget()];

/** What the run says about one feature of one server. */
function verdict(feature: FeatureName, declared: Feature, results: readonly CaseResult[]): string {
  const about = results.filter(({ case: one }) =>
    (declared.level === "unsupported" ? one.refuses : one.needs).includes(feature),
  );
  const ran = about.filter(({ status }) => status !== "skipped");
  if (ran.some(({ status }) => status === "failed")) return "**failed**";
  return ran.length > 0 ? "proven" : "not proven";
}

function cell(feature: FeatureName, target: ServerTarget, results: readonly CaseResult[]): string {
  const declared: Feature = target.features[feature];
  const max = declared.max === undefined ? "" : ` (at most ${declared.max})`;
  return `${declared.level}${max}, ${verdict(feature, declared, results)}`;
}

function table(runs: ReadonlyMap<ServerTarget, readonly CaseResult[]>): string[] {
  const lines = [
    `| Feature | ${targets.map(({ name }) => name).join(" | ")} |`,
    `| --- |${targets.map(() => " --- |").join("")}`,
  ];
  for (const feature of featureNames) {
    const cells = targets.map((target) => cell(feature, target, runs.get(target) ?? []));
    lines.push(`| \`${feature}\` | ${cells.join(" | ")} |`);
  }
  return lines;
}

function details(target: ServerTarget, results: readonly CaseResult[]): string[] {
  const count = (status: CaseResult["status"]): number => results.filter((result) => result.status === status).length;
  const lines = ["", `## ${target.name}`, ""];
  const failed = count("failed") === 0 ? "" : `, **${count("failed")} failed**`;
  lines.push(`${count("passed")} of ${results.length} cases passed${failed}, ${count("skipped")} skipped.`, "");
  for (const feature of featureNames) {
    const declared: Feature = target.features[feature];
    if (declared.note !== undefined) lines.push(`- \`${feature}\`: ${declared.note}`);
  }
  const skipped = results.filter(({ status }) => status === "skipped");
  if (skipped.length > 0) lines.push("", "Skipped:", "");
  for (const { case: one, reason } of skipped) lines.push(`- ${one.name}: ${reason}`);
  return lines;
}

const preface = `# What each server can do

Written by \`npm run matrix\` from a run of the conformance suite; do not edit. \`native\`: the broker does it. \`emulated\`: our
adapter does it, with the same promise. \`unsupported\`: asking for it is refused, never ignored. \`proven\`: cases of the
suite that exercise it (or check that it is absent) ran and passed. \`not proven\`: declared, and no case checks it here.
`;

async function main(): Promise<number> {
  if ((await requireBroker("redis")) === undefined) {
    console.error("The matrix needs Redis: CONTRIBUTING.md says how to get one.");
    return 1;
  }
  const runs = new Map<ServerTarget, readonly CaseResult[]>();
  let failures = 0;
  for (const target of targets) {
    // That a send option is refused is the app's doing, so those cases belong here, too.
    const refusals = appSuite(target).filter(({ name }) => name.startsWith("capability:"));
    const results = await runSuite([...serverSuite(target), ...refusals], { parallel: 4 });
    runs.set(target, results);
    for (const { case: one, error, status } of results) {
      if (status !== "failed") continue;
      failures += 1;
      console.error(`${target.name}: ${one.name}: failed`, error);
    }
    console.error(`${target.name}: ${results.length} cases, ${failures} failed`);
  }
  sqlite.remove();
  const parts = targets.flatMap((target) => details(target, runs.get(target) ?? []));
  const text = `${[preface, ...table(runs), ...parts].join("\n")}\n`;
  const check = process.argv.includes("--check");
  const before = existsSync(path) ? readFileSync(path, "utf8") : "";
  if (check && before !== text) {
    console.error("docs/matrix.md is not what the run says: npm run matrix");
    return 1;
  }
  if (!check) writeFileSync(path, text);
  return failures === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main();
