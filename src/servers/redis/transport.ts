/** What the client sends: a string or bytes. */
export type Argument = string | Buffer;

/** An answer of Redis, bulk strings as bytes. */
export type Reply = Buffer | string | number | null | readonly Reply[];

/** One connection, or one cluster, as the rest of this folder sees it. */
export interface Transport {
  /** Rejects when it cannot be had or refuses us. Called once. */
  connect(): Promise<void>;
  /** Sends a command to the node that has the key. Commands of one turn are written together. */
  send(key: string, args: readonly Argument[]): Promise<Reply>;
  /** Tears it down at once; everything that waits rejects. Never throws. */
  destroy(): void;
  /** Whether commands sent one after the other reach the server in this order with nothing in between. */
  readonly isOrdered: boolean;
}

/** Makes transports that are not connected yet. `onLost` is called at most once, when one is of no use any more. */
export interface Dial {
  /** Where to, without credentials. */
  readonly host: string;
  /** Channels live on several servers: no command may span two of them. */
  readonly isCluster: boolean;
  create(onLost: (error: unknown) => void): Promise<Transport>;
}
