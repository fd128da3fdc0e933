import type { RedisClientOptions } from "@redis/client";
import { ConnectionError, MissingPeerError } from "../../server/errors.ts";
import type { Argument, Reply, Transport } from "./transport.ts";

/** What we use of a client. */
export interface Client {
  readonly isOpen: boolean;
  readonly isReady: boolean;
  connect(): Promise<unknown>;
  sendCommand(args: readonly Argument[], options?: object): Promise<unknown>;
  destroy(): void;
  on(event: "error" | "terminated", listener: (error: unknown) => void): unknown;
}

export async function loadClient(): Promise<typeof import("@redis/client")> {
  try {
    return await import("@redis/client");
  } catch (error) {
    throw new MissingPeerError("npm install @redis/client", "millrace/redis", { cause: error });
  }
}

/** Options of a client: what is given, except what is ours to decide. */
export function ownOptions(given: RedisClientOptions | undefined): RedisClientOptions {
  const own = {
    ...given,
    RESP: 2,
    // Watched by us: the client's own timer per command costs four times as much as the command (decided by measuring).
    commandOptions: { timeout: undefined, typeMapping: { 36: Buffer } },
    disableOfflineQueue: true,
    // Its error would look like a lost connection; what waits is bounded by us.
    commandsQueueMaxLength: undefined,
    // Need version 3 of the protocol.
    clientSideCache: undefined,
    maintNotifications: "disabled",
    readonly: undefined,
    socket: {
      connectTimeout: 5000,
      noDelay: true,
      ...given?.socket,
      // Idle is not broken.
      socketTimeout: undefined,
      reconnectStrategy: false,
    },
  };
  // The type of the options names version 3 of the protocol, although they take either.
  return own as object as RedisClientOptions;
}

/** What an error at the very start of a connection usually means. */
function hintFor(error: unknown, isSecure: boolean): string | undefined {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  if (isSecure && /^ERR_SSL|^EPROTO/.test(String(code))) return "Does this port speak TLS?";
  if (isSecure && message === "Connection timeout")
    return "It did not answer the TLS handshake: is it a port without TLS?";
  if (!isSecure && (message === "Socket closed unexpectedly" || code === "ECONNRESET")) {
    return "It closed the connection at once: is it a port with TLS, which needs rediss://?";
  }
  return undefined;
}

/** Options of a command whose answer shall be text. */
const asText = { typeMapping: {} };

/** One connection. */
export function singleTransport(client: Client, isSecure: boolean, onLost: (error: unknown) => void): Transport {
  let isOver = false;
  const lose = (error: unknown): void => {
    if (isOver) return;
    isOver = true;
    onLost(error);
  };
  // Without a listener for `error` the process would end.
  client.on("error", lose);
  client.on("terminated", lose);
  return {
    isOrdered: true,
    async connect() {
      try {
        await client.connect();
      } catch (error) {
        const hint = hintFor(error, isSecure);
        if (hint === undefined) throw error;
        throw new ConnectionError(`${(error as Error).message}. ${hint}`, { cause: error });
      }
    },
    send: (_, args, isText) => client.sendCommand(args, isText === true ? asText : undefined) as Promise<Reply>,
    destroy() {
      isOver = true;
      try {
        client.destroy();
      } catch {
        // It is closed already.
      }
    },
  };
}
