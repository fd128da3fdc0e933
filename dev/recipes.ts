import { createConnection } from "node:net";
import { findOnPath, suite, unpackDebian } from "./debian.ts";

/** How to start one broker: a command line for a port and a folder of its own. */
export interface Program {
  /** Where it came from, printed and recorded: "Debian trixie", "/usr/bin/redis-server". */
  readonly origin: string;
  command(place: Place): readonly string[];
}

export interface Place {
  readonly port: number;
  /** An empty folder for data and logs; the process starts in it and may change only to folders below it. */
  readonly folder: string;
}

/**
 * A broker the tests know. An embedded one has nothing to start. Another is looked for in this order: the URL variable,
 * a process that runs already, then `programs` one after the other until one can be had.
 */
export type Recipe =
  | { readonly kind: "embedded" }
  | {
      readonly kind: "process";
      /** Set it to use a broker you run yourself (a container, another machine). */
      readonly variable: string;
      url(port: number): string;
      /** Each throws with the reason when it is not to be had here. */
      readonly programs: readonly (() => Program)[];
      /** Resolves once the broker answers in its own protocol; rejects while it does not. */
      ready(url: string): Promise<void>;
    };

const redisArgs = ({ port, folder }: Place): readonly string[] => [
  ...["--port", String(port), "--bind", "127.0.0.1", "--dir", folder],
  // Every write is on disk before it is confirmed: the crash tests count on it.
  ...["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--daemonize", "no"],
];

/** New brokers are added here, and nowhere else in this folder. */
export const recipes: Readonly<Record<string, Recipe>> = {
  memory: { kind: "embedded" },
  sqlite: { kind: "embedded" },
  redis: {
    kind: "process",
    variable: "MILLRACE_REDIS_URL",
    url: (port) => `redis://127.0.0.1:${port}`,
    programs: [
      () => {
        const debian = unpackDebian("redis", ["redis-server"]);
        return {
          origin: `Debian ${suite}`,
          command: (place) => debian.command("usr/bin/redis-server", redisArgs(place)),
        };
      },
      () => onPath("redis-server", redisArgs),
    ],
    ready: (url) => converse(url, "PING\r\n", /^\+PONG|^-NOAUTH/),
  },
};

function onPath(name: string, args: (place: Place) => readonly string[]): Program {
  const path = findOnPath(name);
  if (path === undefined) throw new Error(`no ${name} on PATH`);
  return { origin: path, command: (place) => [path, ...args(place)] };
}

/** Readiness by the broker's own protocol, without its client: sends one line and waits for the answer. */
function converse(url: string, question: string, answer: RegExp): Promise<void> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: hostname, port: Number(port), timeout: 2000 });
    let heard = "";
    socket.once("connect", () => socket.write(question));
    socket.on("data", (chunk) => {
      heard += chunk.toString("latin1");
      if (answer.test(heard)) {
        socket.destroy();
        resolve();
      }
    });
    socket.once("timeout", () => socket.destroy(new Error(`no answer from ${hostname}:${port}`)));
    socket.once("error", reject);
    socket.once("close", () => reject(new Error(`unexpected answer: ${JSON.stringify(heard.slice(0, 80))}`)));
  });
}
