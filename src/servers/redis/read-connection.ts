import { readRunId } from "./server-facts.ts";
import type { Transport } from "./transport.ts";

/** The connection that reads block on, as Redis knows it. */
export class ReadConnection {
  /** Redis's number for it, by which a blocked read can be ended. */
  #id: string | undefined;
  /** Which run of which server gave that number. */
  #runId: string | undefined;

  get id(): string {
    return this.#id ?? "";
  }

  /** Learns the number of a new connection, and ends the one before. @returns whether there was one */
  async renew(transport: Transport, key: string): Promise<boolean> {
    const id = String(await transport.send(key, ["CLIENT", "ID"]));
    const runId = await readRunId(transport, key);
    const old = this.#id;
    // Redis may not know yet that the old connection is gone, and would go on giving it messages. Another server, or the same
    // one since a restart, has given that number to somebody else.
    if (old !== undefined && runId !== undefined && runId === this.#runId) {
      await transport.send(key, ["CLIENT", "KILL", "ID", old]).catch(() => {}); // It is gone, or we may not end it.
    }
    this.#id = id;
    this.#runId = runId;
    return old !== undefined;
  }
}
