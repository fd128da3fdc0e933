import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { OutgoingMessage } from "millrace";

/** A message in its file. */
export interface Stored extends Omit<OutgoingMessage, "payload"> {
  readonly payload: string;
}

/** `ready` has one file per message, `held` those that a worker has. */
export function place(root: string, channel: string, kind: "ready" | "held"): string {
  return join(root, encodeURIComponent(channel).replaceAll(".", "%2E"), kind);
}

export async function prepare(root: string, channel: string): Promise<void> {
  await mkdir(place(root, channel, "ready"), { recursive: true });
  await mkdir(place(root, channel, "held"), { recursive: true });
}

/** Written beside, on the disk for sure, then put in its place: nobody ever sees half a message. */
export async function store(root: string, channel: string, name: string, message: Stored): Promise<void> {
  const draft = join(place(root, channel, "held"), `.${randomUUID()}`);
  const file = await open(draft, "wx");
  try {
    await file.writeFile(JSON.stringify(message));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, join(place(root, channel, "ready"), name));
}

export interface Claimed {
  readonly message: Stored;
  /** Its file, for as long as it is ours. */
  readonly held: string;
}

/** Only one of several workers can rename a file. `undefined`: another one was faster. */
export async function claim(root: string, channel: string, name: string): Promise<Claimed | undefined> {
  const held = join(place(root, channel, "held"), `${name}@${process.pid}@${randomUUID()}`);
  try {
    await rename(join(place(root, channel, "ready"), name), held);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const message = JSON.parse(await readFile(held, "utf8")) as Stored;
  // A header called `constructor` is just a header, and one that was not sent is not there.
  return { message: { ...message, headers: Object.assign(Object.create(null), message.headers) }, held };
}

export async function giveBack(root: string, channel: string, held: string, name: string): Promise<void> {
  await rename(held, join(place(root, channel, "ready"), name));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** What workers held that died: there are no leases here, but the name of the file says whose it was. */
export async function rescue(root: string, channel: string): Promise<void> {
  const folder = place(root, channel, "held");
  for (const file of await readdir(folder)) {
    const [name, pid] = file.split("@");
    if (name === undefined || pid === undefined || isAlive(Number(pid))) continue;
    await giveBack(root, channel, join(folder, file), name).catch(() => {});
  }
}

export const remove = (held: string): Promise<void> => rm(held);
