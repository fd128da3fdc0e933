import { createConnection } from "node:net";
import { connect as connectTls } from "node:tls";

/** What Redis answers, in RESP2. */
export type Reply = string | number | null | readonly Reply[];

export interface RespOptions {
  /** Milliseconds for all of it. Default 5000. */
  readonly timeout?: number;
  /** For `rediss:`: the authority to trust (default: those of Node), and what the client shows of itself. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

/**
 * Runs commands on a connection of their own, without a client library, and resolves with the replies. Rejects on the
 * first error reply. User, password and database come from the URL.
 */
export function respCommands(
  url: string,
  commands: readonly (readonly string[])[],
  { timeout = 5000, tls }: RespOptions = {},
): Promise<Reply[]> {
  const { protocol, hostname, port, username, password, pathname } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, "");
  const before: string[][] = [];
  if (password)
    before.push(["AUTH", ...(username ? [decodeURIComponent(username)] : []), decodeURIComponent(password)]);
  if (/^\/\d+$/.test(pathname)) before.push(["SELECT", pathname.slice(1)]);
  const all = [...before, ...commands];
  const place = { host, port: Number(port || 6379) };
  const socket = protocol === "rediss:" ? connectTls({ ...place, ...tls }) : createConnection(place);
  return new Promise<Reply[]>((resolve, reject) => {
    let rest: Buffer = Buffer.alloc(0);
    const replies: Reply[] = [];
    const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${timeout} ms`)), timeout);
    socket.once(protocol === "rediss:" ? "secureConnect" : "connect", () => socket.write(all.map(encode).join("")));
    socket.on("data", (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      try {
        for (let at = parse(rest, 0); at !== undefined; at = parse(rest, 0)) {
          rest = rest.subarray(at.end);
          replies.push(at.reply);
        }
      } catch (error) {
        socket.destroy(error instanceof Error ? error : new Error(String(error)));
      }
      if (replies.length < all.length) return;
      resolve(replies.slice(before.length));
      socket.destroy();
    });
    socket.once("error", (error) => reject(new Error(`${host}:${place.port}: ${error.message}`, { cause: error })));
    socket.once("close", () => {
      clearTimeout(timer);
      reject(new Error(`${host}:${place.port} closed the connection`));
    });
  });
}

function encode(command: readonly string[]): string {
  const words = command.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  return `*${command.length}\r\n${words.join("")}`;
}

interface Parsed {
  readonly reply: Reply;
  readonly end: number;
}

/** The reply that begins at `start`; `undefined` while it is not there in full. An error reply is thrown. */
function parse(bytes: Buffer, start: number): Parsed | undefined {
  const line = bytes.indexOf("\r\n", start);
  if (line === -1) return undefined;
  const text = bytes.toString("utf8", start + 1, line);
  const after = line + 2;
  switch (String.fromCharCode(bytes[start] ?? 0)) {
    case "+":
      return { reply: text, end: after };
    case "-":
      throw new Error(text);
    case ":":
      return { reply: Number(text), end: after };
    case "$": {
      const length = Number(text);
      if (length === -1) return { reply: null, end: after };
      if (bytes.length < after + length + 2) return undefined;
      return { reply: bytes.toString("utf8", after, after + length), end: after + length + 2 };
    }
    case "*":
      return parseArray(bytes, after, Number(text));
    default:
      throw new Error(`not RESP: ${JSON.stringify(bytes.toString("latin1", start, start + 40))}`);
  }
}

function parseArray(bytes: Buffer, start: number, length: number): Parsed | undefined {
  if (length === -1) return { reply: null, end: start };
  const items: Reply[] = [];
  let end = start;
  for (let index = 0; index < length; index += 1) {
    const item = parse(bytes, end);
    if (item === undefined) return undefined;
    items.push(item.reply);
    end = item.end;
  }
  return { reply: items, end };
}
