import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { CliIo } from "./command.ts";
import { failure } from "./exit-code.ts";

/** To the file that was named, else to stdout. */
export async function writeResult(text: string, path: string | undefined, io: CliIo): Promise<void> {
  const ended = text.endsWith("\n") ? text : `${text}\n`;
  if (path === undefined) return io.out(ended);
  try {
    await writeFile(resolve(io.cwd, path), ended);
  } catch (error) {
    throw failure(`cannot write ${path}`, error);
  }
}
