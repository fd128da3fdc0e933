import { createConnection, createServer, type Socket } from "node:net";
import { freePort } from "../dev/free-port.ts";
import { FaultyLink, type LinkFaults } from "./fault-link.ts";

/** What is wrong with the network. Everything that is left out works. All of it may be combined. */
export interface Faults extends LinkFaults {
  /** New connections are refused; the open ones stay. */
  readonly refuse?: boolean;
}

export interface CutOptions {
  /** Whether the server gets the request. `true`: it is applied and nobody hears of it. Default `true`. */
  readonly forward?: boolean;
}

/** A TCP proxy that breaks on command. */
export interface FaultProxy {
  readonly host: string;
  readonly port: number;
  /** Connections that are open. */
  readonly connections: number;
  /** Connections there ever were. */
  readonly accepted: number;
  /**
   * These faults from now on, and no others. A connection that has lost bytes is reset when `drop` ends: TCP never goes on
   * after a gap, and a protocol would take one reply for another.
   */
  set(faults: Faults): Promise<void>;
  /** Everything works again: `set({})`. */
  pass(): Promise<void>;
  /** Both ends of every connection get a RST. */
  reset(): void;
  /**
   * The next connection that sends a request which matches loses it or its reply: the request is forwarded, no reply comes
   * back, and once the server has read it all, the client gets a RST. The predicate sees what the client has sent since the
   * call, in as many pieces as came. Resolves when it is cut.
   */
  cut(matches: (request: Buffer) => boolean, options?: CutOptions): Promise<void>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startFaultProxy(target: { readonly host?: string; readonly port: number }): Promise<FaultProxy> {
  const host = "127.0.0.1";
  const port = await freePort();
  const links = new Set<FaultyLink>();
  let faults: Faults = {};
  let accepted = 0;
  let cuts: { readonly matches: (request: Buffer) => boolean; readonly forward: boolean; done(): void }[] = [];

  // Half-open is a state that a fault test must be able to have.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client: Socket) => {
    accepted += 1;
    const upstream = createConnection({
      host: target.host ?? host,
      port: target.port,
      allowHalfOpen: true,
      noDelay: true,
    });
    const link = new FaultyLink(client, upstream, faults, () => links.delete(link));
    for (const cut of cuts) watch(link, cut);
    links.add(link);
  });
  const listen = (): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, () => {
        server.off("error", reject);
        resolve();
      });
    });
  await listen();

  function watch(link: FaultyLink, cut: (typeof cuts)[number]): void {
    link.watch((request) => {
      if (!cuts.includes(cut) || !cut.matches(request)) return undefined;
      cuts = cuts.filter((other) => other !== cut);
      return { forward: cut.forward, done: cut.done };
    });
  }

  async function set(next: Faults): Promise<void> {
    faults = next;
    for (const link of links) link.set(next);
    if (next.refuse && server.listening) {
      // The callback of close() waits for the open connections, which are to stay.
      server.close();
    } else if (!next.refuse && !server.listening) await listen();
  }

  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => (server.listening ? server.close(resolve) : resolve(undefined)));
    for (const link of links) link.reset();
    await closed;
  };

  return {
    host,
    port,
    get connections() {
      return links.size;
    },
    get accepted() {
      return accepted;
    },
    set,
    pass: () => set({}),
    reset() {
      for (const link of links) link.reset();
    },
    cut: (matches, { forward = true } = {}) =>
      new Promise((resolve) => {
        const cut = { matches, forward, done: resolve };
        cuts.push(cut);
        for (const link of links) watch(link, cut);
      }),
    close,
    [Symbol.asyncDispose]: close,
  };
}
