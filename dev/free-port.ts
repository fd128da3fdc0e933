import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/**
 * A free port of the loopback interface, below those the system gives to outgoing connections: while a server is down, none
 * of these can take its port, and no client that keeps knocking there ends up connected to itself.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = randomInt(12_000, 32_000);
    if (await isFree(port)) return port;
  }
  throw new Error("no free port between 12000 and 32000");
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
