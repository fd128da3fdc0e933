import { once } from "node:events";
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.ts";

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

/** Answers every line with the same in capitals, and remembers what it has read and how its connections ended. */
async function shouter() {
  const seen = { lines: [] as string[], endings: [] as string[], pieces: [] as number[] };
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let rest = "";
    socket.on("data", (chunk) => {
      seen.pieces.push(chunk.length);
      const lines = (rest + chunk.toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        seen.lines.push(line);
        socket.write(`${line.toUpperCase()}\n`);
      }
    });
    socket.on("error", (error) => seen.endings.push((error as NodeJS.ErrnoException).code ?? error.message));
    socket.on("end", () => seen.endings.push("end"));
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { ...seen, port: (server.address() as AddressInfo).port };
}

async function proxyTo(port: number): Promise<FaultProxy> {
  const proxy = await startFaultProxy({ port });
  open.push(() => proxy.close());
  return proxy;
}

async function client({ host, port }: FaultProxy) {
  const socket = createConnection({ host, port, noDelay: true });
  const state = { heard: "", pieces: 0, ending: "" };
  socket.on("data", (chunk) => {
    state.heard += chunk;
    state.pieces += 1;
  });
  socket.on("end", () => (state.ending = "end"));
  socket.on("error", (error) => (state.ending = (error as NodeJS.ErrnoException).code ?? error.message));
  open.push(() => socket.destroy());
  await once(socket, "connect");
  return { socket, state };
}

const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 5000, interval: 5 });

test("without faults bytes and ends go through, and connections are counted", async () => {
  const server = await shouter();
  const proxy = await proxyTo(server.port);
  const { socket, state } = await client(proxy);
  const other = await client(proxy);
  socket.write("hello\n");
  await until(() => expect(state.heard).toBe("HELLO\n"));
  await until(() => expect(proxy).toMatchObject({ connections: 2, accepted: 2 }));
  socket.end("last words\n");
  await until(() => expect(state).toMatchObject({ heard: "HELLO\nLAST WORDS\n", ending: "end" }));
  other.socket.end();
  await until(() => expect(proxy).toMatchObject({ connections: 0, accepted: 2 }));
});

test("a server that is not there is a connection that breaks", async () => {
  const proxy = await proxyTo(1);
  const { state } = await client(proxy);
  await until(() => expect(state.ending).toBe("ECONNRESET"));
});

test("refuse turns new connections away and leaves the open ones", async () => {
  const server = await shouter();
  const proxy = await proxyTo(server.port);
  const { socket, state } = await client(proxy);
  await proxy.set({ refuse: true });
  await expect(client(proxy)).rejects.toThrow("ECONNREFUSED");
  socket.write("still here\n");
  await until(() => expect(state.heard).toBe("STILL HERE\n"));
  await proxy.pass();
  await client(proxy);
});

test("drop swallows both ways and keeps the sockets; when it ends, what lost bytes is reset", async () => {
  const server = await shouter();
  const proxy = await proxyTo(server.port);
  const [torn, idle] = [await client(proxy), await client(proxy)];
  await until(() => expect(proxy.connections).toBe(2));
  await proxy.set({ drop: "both" });
  torn.socket.write("into the void\n");
  await sleep(50);
  expect(torn.state).toMatchObject({ heard: "", ending: "" });
  expect(server).toMatchObject({ lines: [], endings: [] });
  await proxy.pass();
  await until(() => expect(torn.state.ending).toBe("ECONNRESET"));
  idle.socket.write("nothing lost\n");
  await until(() => expect(idle.state.heard).toBe("NOTHING LOST\n"));
});

test("the server does not hear that a client went away while everything is dropped", async () => {
  const server = await shouter();
  const proxy = await proxyTo(server.port);
  const [ended, broken] = [await client(proxy), await client(proxy)];
  await until(() => expect(proxy.connections).toBe(2));
  await proxy.set({ drop: "both" });
  ended.socket.end();
  broken.socket.resetAndDestroy();
  await sleep(50);
  expect(server.endings).toEqual([]);
  await proxy.pass();
  await until(() => expect(server.endings).toEqual(["ECONNRESET", "ECONNRESET"]));
  await until(() => expect(proxy.connections).toBe(0));
});

test("drop of replies lets requests pass", async () => {
  const server = await shouter();
  const proxy = await proxyTo(server.port);
  const { socket, state } = await client(proxy);
  await proxy.set({ drop: "replies" });
  socket.write("one\ntwo\n");
  await until(() => expect(server.lines).toEqual(["one", "two"]));
  await sleep(30);
  expect(state).toMatchObject({ heard: "", ending: "" });
  await proxy.pass();
  await until(() => expect(state.ending).toBe("ECONNRESET"));
});

test("hold keeps everything for later", async () => {
  const server = await shouter();
  const proxy = await proxyTo(server.port);
  const { socket, state } = await client(proxy);
  await proxy.set({ hold: "both" });
  socket.write("patience\n");
  await sleep(50);
  expect(server.lines).toEqual([]);
  await proxy.pass();
  await until(() => expect(state.heard).toBe("PATIENCE\n"));
});

test("latency delays each direction, and does not slow the stream down", async () => {
  const server = await shouter();
  const proxy = await proxyTo(server.port);
  const { socket, state } = await client(proxy);
  await proxy.set({ latency: 100 });
  const started = performance.now();
  for (let line = 0; line < 10; line += 1) {
    socket.write(`${line}\n`);
    await sleep(5);
  }
  await until(() => expect(state.heard).toBe("0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"));
  const took = performance.now() - started;
  expect(took).toBeGreaterThan(195);
  expect(took).toBeLessThan(1000);
});

test("bandwidth bounds the bytes per second", async () => {
  const server = await shouter();
  const proxy = await proxyTo(server.port);
  const { socket, state } = await client(proxy);
  await proxy.set({ bandwidth: 10_000 });
  const started = performance.now();
  socket.write(`${"x".repeat(2999)}\n`);
  await until(() => expect(state.heard).toHaveLength(3000));
  const took = performance.now() - started;
  expect(took).toBeGreaterThan(280);
  expect(took).toBeLessThan(3000);
});

test("slice makes one-byte segments", async () => {
  const server = await shouter();
  const proxy = await proxyTo(server.port);
  const { socket, state } = await client(proxy);
  await proxy.set({ slice: 1 });
  socket.write(`${"e".repeat(200)}\n`);
  await until(() => expect(state.heard).toHaveLength(201));
  // Two segments may meet in the receiver's buffer; most do not.
  expect(server.pieces.length).toBeGreaterThan(100);
});

test("coalesce writes in one piece what came in many", async () => {
  const server = await shouter();
  const proxy = await proxyTo(server.port);
  const { socket, state } = await client(proxy);
  await proxy.set({ coalesce: 100 });
  for (const line of ["a", "b", "c", "d"]) {
    socket.write(`${line}\n`);
    await sleep(5);
  }
  await until(() => expect(state.heard).toBe("A\nB\nC\nD\n"));
  expect(server.pieces).toEqual([8]);
  expect(state.pieces).toBe(1);
});

test("reset breaks every connection at both ends, and new ones work", async () => {
  const server = await shouter();
  const proxy = await proxyTo(server.port);
  const clients = [await client(proxy), await client(proxy)];
  for (const { socket } of clients) socket.write("x\n");
  await until(() => expect(server.lines).toHaveLength(2));
  proxy.reset();
  for (const { state } of clients) await until(() => expect(state.ending).toBe("ECONNRESET"));
  await until(() => expect(server.endings).toEqual(["ECONNRESET", "ECONNRESET"]));
  const { socket, state } = await client(proxy);
  socket.write("again\n");
  await until(() => expect(state.heard).toBe("AGAIN\n"));
});

test("cut forwards the matching request and loses its reply", async () => {
  const server = await shouter();
  const proxy = await proxyTo(server.port);
  const [settler, other] = [await client(proxy), await client(proxy)];
  settler.socket.write("before settle\n");
  await until(() => expect(settler.state.heard).toBe("BEFORE SETTLE\n"));
  // What was sent before the call does not count, and a request may come in pieces.
  const cut = proxy.cut((request) => request.includes("settle"));
  other.socket.write("other\n");
  await until(() => expect(other.state.heard).toBe("OTHER\n"));
  settler.socket.write("set");
  await sleep(20);
  settler.socket.write("tle 7\n");
  await cut;
  await until(() => expect(settler.state).toMatchObject({ heard: "BEFORE SETTLE\n", ending: "ECONNRESET" }));
  expect(server.lines).toEqual(["before settle", "other", "settle 7"]);
  // Once only.
  other.socket.write("settle 8\n");
  await until(() => expect(other.state.heard).toBe("OTHER\nSETTLE 8\n"));
});

test("cut without forwarding: the server never sees the request", async () => {
  const server = await shouter();
  const proxy = await proxyTo(server.port);
  const { socket, state } = await client(proxy);
  const cut = proxy.cut((request) => request.includes("settle"), { forward: false });
  socket.write("settle 7\n");
  await cut;
  await until(() => expect(state.ending).toBe("ECONNRESET"));
  expect(server.lines).toEqual([]);
});

test("large payloads come through whole under every fault that only slows down", async () => {
  const server = await shouter();
  const proxy = await proxyTo(server.port);
  const { socket, state } = await client(proxy);
  await proxy.set({ slice: 4096, latency: 5, coalesce: 5 });
  const line = Array.from({ length: 400_000 }, (_, index) => "abcdefghij"[index % 10]).join("");
  socket.write(`${line}\n`);
  await until(() => expect(state.heard.length).toBe(line.length + 1));
  expect(state.heard).toBe(`${line.toUpperCase()}\n`);
});
