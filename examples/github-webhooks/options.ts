import { parseArgs } from "node:util";
import * as z from "zod";

export const usage = `Usage: npm run demo -- [options]

  --server <where>    sqlite:<path>, redis://<host>:<port> or memory:
                      (default: sqlite:examples/github-webhooks/.data/webhooks.db)
  --fresh             forget earlier runs first
  --slow <ms>         time that each message takes, so that there is time for a kill -9   (default: 0)
  --concurrency <n>   messages at a time   (default: 8)
  --log               the library's log lines (stderr) instead of a progress bar
  --list              show the dead letters, and do nothing else
  --replay            send the dead letters again first
  --fixed             use the actors as they are once their two bugs are fixed
  --help              this text
`;

const schema = z.object({
  server: z.string().optional(),
  fresh: z.boolean(),
  slow: z.coerce.number("expected a number of milliseconds").min(0).max(60_000),
  concurrency: z.coerce.number("expected a number").int().min(1).max(1000),
  log: z.boolean(),
  list: z.boolean(),
  replay: z.boolean(),
  fixed: z.boolean(),
  help: z.boolean(),
});

export type Options = z.output<typeof schema>;

/** Throws an error with a message for the person at the keyboard. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      server: { type: "string" },
      fresh: { type: "boolean", default: false },
      slow: { type: "string", default: "0" },
      concurrency: { type: "string", default: "8" },
      log: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      replay: { type: "boolean", default: false },
      fixed: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const parsed = schema.safeParse(values);
  if (parsed.success) return parsed.data;
  throw new TypeError(parsed.error.issues.map(({ path, message }) => `--${path.join(".")}: ${message}`).join("\n"));
}
