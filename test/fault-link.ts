import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { FaultyStream, type Flow } from "./fault-stream.ts";

export type Direction = "both" | "requests" | "replies";

export interface LinkFaults {
  /**
   * Swallows bytes and ends of connections, and keeps the sockets. "both" is a peer that is gone without a word, "replies"
   * one whose answers are lost.
   */
  readonly drop?: Direction;
  /** Stops reading: everything comes later, when this is over. A network that was away for a while. */
  readonly hold?: Direction;
  /** Milliseconds that each direction takes longer. */
  readonly latency?: number;
  /** Bytes per second and direction, at most. */
  readonly bandwidth?: number;
  /** Writes at most so many bytes at a time. */
  readonly slice?: number;
  /** Collects for so many milliseconds what comes, and writes it in one piece. */
  readonly coalesce?: number;
}

export interface Cut {
  readonly forward: boolean;
  done(): void;
}

/** Says whether the connection is to be cut, seeing what the client has sent since it watches. */
export type Watcher = (request: Buffer) => Cut | undefined;

/** One connection through the proxy: two sockets, and a stream of bytes in each direction. */
export class FaultyLink {
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #requests: FaultyStream;
  readonly #replies: FaultyStream;
  readonly #gone: () => void;
  #watchers: { readonly watcher: Watcher; seen: Buffer }[] = [];
  #cutting = false;
  /** One end broke, and the other was not told. */
  #unheard = false;

  constructor(client: Socket, upstream: Socket, faults: LinkFaults, gone: () => void) {
    this.#client = client;
    this.#upstream = upstream;
    this.#gone = gone;
    this.#requests = new FaultyStream(client, upstream, flow(faults, "requests"), (chunk) => this.#see(chunk));
    this.#replies = new FaultyStream(upstream, client, flow(faults, "replies"), () => "pass");
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      socket.on("error", () => {
        // A connection that breaks breaks for both, unless nobody is to hear of it.
        if (this.#mute(other)) this.#unheard = true;
        else other.resetAndDestroy();
      });
      socket.on("close", () => {
        if (this.#client.destroyed && this.#upstream.destroyed) this.#gone();
      });
    }
  }

  set(faults: LinkFaults): void {
    if (this.#cutting) return;
    const [requests, replies] = [flow(faults, "requests"), flow(faults, "replies")];
    const healed = (this.#requests.torn && !requests.drop) || (this.#replies.torn && !replies.drop);
    if (healed || (this.#unheard && !(requests.drop && replies.drop))) return this.reset();
    this.#requests.set(requests);
    this.#replies.set(replies);
  }

  reset(): void {
    for (const socket of [this.#client, this.#upstream]) if (!socket.destroyed) socket.resetAndDestroy();
  }

  watch(watcher: Watcher): void {
    this.#watchers.push({ watcher, seen: Buffer.alloc(0) });
  }

  /** Whether `socket` is not to hear of the other's end. */
  #mute(socket: Socket): boolean {
    return socket === this.#upstream ? this.#requests.flow.drop : this.#replies.flow.drop || this.#cutting;
  }

  #see(chunk: Buffer): "pass" | "last" | "swallow" {
    if (this.#cutting) return "swallow";
    for (const watch of this.#watchers) {
      watch.seen = Buffer.concat([watch.seen, chunk]);
      const cut = watch.watcher(watch.seen);
      if (cut === undefined) continue;
      this.#cutting = true;
      this.#replies.set({ ...this.#replies.flow, drop: true });
      void this.#cut(cut);
      return cut.forward ? "last" : "swallow";
    }
    return "pass";
  }

  async #cut({ forward, done }: Cut): Promise<void> {
    // After "last" the server gets the end of the connection behind the request, and by closing it says that it read both.
    if (forward && !this.#upstream.destroyed) {
      const closed = new Promise<void>((resolve) => this.#upstream.once("close", () => resolve()));
      const limit = new AbortController();
      await Promise.race([closed, sleep(2000, undefined, { signal: limit.signal }).catch(() => undefined)]);
      limit.abort();
    }
    this.reset();
    done();
  }
}

function flow(faults: LinkFaults, direction: "requests" | "replies"): Flow {
  const { drop, hold, latency = 0, bandwidth = Number.POSITIVE_INFINITY, slice, coalesce = 0 } = faults;
  const hit = (value: Direction | undefined): boolean => value === "both" || value === direction;
  return { drop: hit(drop), hold: hit(hold), latency, bandwidth, slice: slice ?? Number.POSITIVE_INFINITY, coalesce };
}
