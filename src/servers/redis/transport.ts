/** What the client sends: a string or bytes. */
export type Argument = string | Buffer;

/** An answer of Redis, bulk strings as bytes unless text was asked for. */
export type Reply = Buffer | string | number | null | readonly Reply[];

/** One connection, or one cluster, as the rest of this folder sees it. */
export interface Transport {
  /** Rejects when it cannot be had or refuses us. Called once. */
  connect(): Promise<void>;
  /**
   * Sends a command to the node that has the key, with an empty key to any. Commands of one turn are written together. Where
   * only the node is out of reach, it rejects with a `NodeError`.
   * @param isText bulk strings of the answer shall be text, which is cheaper for short ones
   */
  send(key: string, args: readonly Argument[], isText?: boolean): Promise<Reply>;
  /** Tears it down at once; everything that waits rejects. Never throws. */
  destroy(): void;
  /** Whether commands sent one after the other reach the server in this order with nothing in between. */
  readonly isOrdered: boolean;
}

/**
 * What a transport is for. `commands`: of many keys; in a cluster, one node that fails leaves the others alone. `reads`: blocking
 * reads of one channel, and of use only as long as it is the same connection.
 */
export type Usage = "commands" | "reads";

/** Makes transports that are not connected yet. `onLost` is called at most once, when one is of no use any more. */
export interface Dial {
  /** Where to, without credentials: host and port, several of them with commas between, or the path of a socket. */
  readonly host: string;
  readonly isSecure: boolean;
  /** Number of the database, where it is given. */
  readonly database: string | undefined;
  /** Channels live on several servers: no command may span two of them. */
  readonly isCluster: boolean;
  create(onLost: (error: unknown) => void, usage: Usage): Promise<Transport>;
}
