import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test, vi } from "vitest";
import { respCommands } from "../../dev/resp.ts";
import { requireProgram } from "../brokers.ts";
import { type Authority, createAuthority } from "./certificates.ts";
import { type RedisName, type RedisOptions, type RedisProcess, startRedis } from "./redis-process.ts";

const brokers: readonly RedisName[] = ["redis", "redis8", "valkey"];
const programs = new Map(await Promise.all(brokers.map(async (name) => [name, await requireProgram(name)] as const)));

const open: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.stop()));
});

async function started(options: RedisOptions): Promise<RedisProcess> {
  const server = await startRedis(options);
  open.push(server);
  return server;
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

for (const broker of brokers) {
  describe.skipIf(programs.get(broker) === undefined)(broker, () => {
    test("what was answered is there again after SIGKILL, on the same port", async () => {
      const server = await started({ broker });
      const { port } = server;
      for (let value = 1; value <= 100; value += 1) await server.command("XADD", "s", "*", "value", String(value));
      await server.kill();
      expect(server.pid).toBeUndefined();
      await expect(server.command("PING")).rejects.toThrow("ECONNREFUSED");
      await server.start();
      expect(server.port).toBe(port);
      expect(await server.command("XLEN", "s")).toBe(100);
      await server.restart();
      expect(await server.command("XLEN", "s")).toBe(100);
    });

    test("paused it keeps connections and does not answer; resumed it goes on", async () => {
      const server = await started({ broker });
      server.pause();
      await expect(respCommands(server.url, [["PING"]], { timeout: 100 })).rejects.toThrow("no answer within 100 ms");
      server.resume();
      expect(await server.command("PING")).toBe("PONG");
      server.pause();
      await server.shutDown();
      expect(server.pid).toBeUndefined();
    });

    test("password, ACL users and further arguments", async () => {
      const server = await started({
        broker,
        password: "p@ss/word",
        users: { reader: "on >secret ~* &* +get +ping", off: "off >secret" },
        args: ["--maxmemory", "10mb"],
      });
      expect(await server.command("CONFIG", "GET", "maxmemory")).toEqual(["maxmemory", "10485760"]);
      const anonymous = `redis://127.0.0.1:${server.port}`;
      await expect(respCommands(anonymous, [["PING"]])).rejects.toThrow("NOAUTH");
      const reader = server.urlFor("reader", "secret");
      expect(await respCommands(reader, [["PING"], ["GET", "none"]])).toEqual(["PONG", null]);
      await expect(respCommands(reader, [["SET", "a", "b"]])).rejects.toThrow("NOPERM");
      await expect(respCommands(server.urlFor("reader", "wrong"), [["PING"]])).rejects.toThrow("WRONGPASS");
      await expect(respCommands(server.urlFor("off", "secret"), [["PING"]])).rejects.toThrow("WRONGPASS");
      await server.restart();
      expect(await respCommands(reader, [["PING"]])).toEqual(["PONG"]);
    });

    test("TLS: answers to those who trust it, and only in TLS", async () => {
      const authority = await createAuthority();
      const server = await started({ broker, tls: { authority, certificate: await authority.issue() } });
      expect(server.url).toMatch(/^rediss:/);
      expect(await server.command("PING")).toBe("PONG");
      await expect(respCommands(server.url, [["PING"]])).rejects.toThrow(
        "self-signed certificate in certificate chain",
      );
      await expect(respCommands(`redis://127.0.0.1:${server.port}`, [["PING"]])).rejects.toThrow();
      authority.remove();
    });
  });
}

describe.skipIf(programs.get("redis") === undefined)("a Redis of one's own", () => {
  /** Why a client of the server with this certificate refuses it. */
  async function refusal(authority: Authority, options: Parameters<Authority["issue"]>[0]): Promise<string> {
    // Its readiness is asked in TLS, too, and must not be refused: the proper certificate first, the wrong one set later.
    const server = await started({ tls: { authority, certificate: await authority.issue() } });
    const { certFile, keyFile } = await authority.issue(options);
    await server.command("CONFIG", "SET", "tls-cert-file", certFile, "tls-key-file", keyFile);
    return new Promise((resolve, reject) => {
      const socket = connectTls({ host: server.host, port: server.port, ca: authority.ca });
      socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      socket.once("secureConnect", () => reject(new Error("accepted")));
    });
  }

  test("certificates that have run out or are for another host are refused", async () => {
    const authority = await createAuthority();
    expect(await refusal(authority, { expired: true })).toBe("CERT_HAS_EXPIRED");
    expect(await refusal(authority, { hosts: ["DNS:elsewhere.example"] })).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
    authority.remove();
  });

  test("arguments it does not know: the reason is in the error, and nothing stays behind", async () => {
    await expect(startRedis({ args: ["--no-such-option", "1"] })).rejects.toThrow(/exited with 1/);
  });

  test("stopped for good, process and data are gone", async () => {
    const server = await started({});
    const { pid, folder } = server;
    await server.stop();
    expect({ alive: isAlive(pid!), folder: existsSync(folder) }).toEqual({ alive: false, folder: false });
  });

  // As when vitest is interrupted or killed.
  test.each(["SIGKILL", "SIGINT", "SIGTERM"] as const)("dies with its parent after %s", async (signal) => {
    const module = fileURLToPath(new URL("redis-process.ts", import.meta.url));
    const script = `
      const { startRedis } = await import(${JSON.stringify(module)});
      const [running, down] = [await startRedis(), await startRedis()];
      await down.kill();
      console.log(JSON.stringify({ pid: running.pid, folders: [running.folder, down.folder] }));
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const line = await new Promise<string>((resolve) => parent.stdout.once("data", (chunk) => resolve(String(chunk))));
    const { pid, folders } = JSON.parse(line) as { pid: number; folders: string[] };
    expect(isAlive(pid)).toBe(true);
    parent.kill(signal);
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), 5000);
    await vi.waitFor(() => expect(folders.filter((folder) => existsSync(folder))).toEqual([]), 5000);
  });
});
