import { styleText } from "node:util";
import type { DeadLetter } from "millrace";
import { channel } from "./actors.ts";
import type { WebhookApp } from "./app.ts";

function why({ reason }: DeadLetter): string {
  const issues = reason.issues?.map(({ path, message }) => `${(path ?? []).join(".")}: ${message}`);
  return issues?.join("; ") ?? reason.error?.message ?? "";
}

/** What failed and why. The message itself is there, too: `letter.payload` are the bytes that GitHub sent. */
export function showDeadLetters(letters: readonly DeadLetter[]): string {
  if (letters.length === 0) return "No dead letters.";
  const lines = letters.map((letter) => {
    const { headers, reason } = letter;
    const delivery = (headers["x-github-delivery"] ?? letter.id).padEnd(16);
    return `  ${delivery} ${reason.code.padEnd(8)} ${why(letter)}`;
  });
  return [styleText("bold", `  ${"delivery".padEnd(16)} reason   why`), ...lines].join("\n");
}

/** Sends them all again. Each is removed only once its copy is confirmed; the copy has a new id and the same headers. */
export async function replayDeadLetters(app: WebhookApp): Promise<number> {
  const replayed = await app.deadLetters(channel).replay({});
  return replayed.length;
}
