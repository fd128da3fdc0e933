import { styleText } from "node:util";
import { ownEvents } from "./actors.ts";
import { createWebhookApp } from "./app.ts";
import { replayDeadLetters, showDeadLetters } from "./dead-letters.ts";
import { type Options, readOptions, usage } from "./options.ts";
import { expectedWebhooks, loadWebhooks } from "./payloads.ts";
import { openPlace, type Place } from "./place.ts";
import { startProgress } from "./progress.ts";
import { openResults, type Results } from "./results.ts";
import { sendWebhooks } from "./send.ts";
import { listDeadLetters, takeStock } from "./stock.ts";
import { formatRemarks, formatSummary } from "./summary.ts";
import { findFaults, tally } from "./tally.ts";
import { describe, nextSteps, opening } from "./texts.ts";
import { workUntilEmpty } from "./work.ts";

/**
 * 329 real GitHub webhooks through typed actors on a durable queue. One process does everything, so that `kill -9` hits
 * everything at once: sender, worker and progress bar. What matters is on disk, and the same command goes on from there.
 * Returns the exit code.
 */
async function demo(options: Options, place: Place, results: Results): Promise<number> {
  const app = createWebhookApp(place, results, options);
  try {
    if (options.list) {
      console.log(showDeadLetters(await listDeadLetters(app)));
      return 0;
    }
    const webhooks = loadWebhooks();
    console.log(describe(webhooks));
    console.log(`queue: ${place.title}`);

    const sent = await sendWebhooks(app, webhooks);
    if (options.replay) console.log(`replayed: ${await replayDeadLetters(app)} dead letters`);
    const before = await takeStock(app, results, webhooks);
    console.log(opening(before, webhooks.length, sent.earlier));
    if (options.slow > 0 && before.left > 0 && place.durable)
      console.log(`in another terminal: kill -9 ${process.pid}`);

    const started = performance.now();
    const bar = process.stdout.isTTY === true && !options.log;
    const progress = startProgress({ total: webhooks.length, done: webhooks.length - before.left, bar });
    const finished = await workUntilEmpty(app, results, progress, options).finally(() => progress.stop());
    const seconds = ((performance.now() - started) / 1000).toFixed(1);

    const stock = await takeStock(app, results, webhooks);
    if (!finished) {
      console.log(`\nstopped: ${webhooks.length - stock.left} done, ${stock.left} left, ${stock.lost} lost`);
      console.log("The same command goes on from here.");
      return 130;
    }
    const rows = tally(webhooks, sent, stock);
    console.log(`done in ${seconds} s\n\n${formatSummary(rows, ownEvents)}\n\n${formatRemarks(stock)}`);
    const faults = findFaults(expectedWebhooks, rows, stock);
    if (faults.length > 0) {
      console.log(styleText("red", `\nThe totals do not add up:\n${faults.map((fault) => `  ${fault}`).join("\n")}`));
      return 1;
    }
    console.log(styleText("green", `all ${expectedWebhooks} accounted for`));
    console.log(
      place.durable
        ? `\nNext:\n${nextSteps(stock, options)}`
        : "\nAll of it is forgotten now: memory lasts as long as its process.",
    );
    return 0;
  } finally {
    await app.close();
  }
}

async function start(): Promise<{ readonly options: Options; readonly place: Place } | undefined> {
  try {
    const options = readOptions(process.argv.slice(2));
    if (!options.help) return { options, place: await openPlace(options) };
    console.log(usage);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    process.exitCode = 2;
  }
  return undefined;
}

const started = await start();
if (started !== undefined) {
  const { options, place } = started;
  const results = openResults(place.results);
  try {
    process.exitCode = await demo(options, place, results);
  } finally {
    results.close();
  }
}
