import { type Clock, inTime, sleep, type TimerHandle } from "../../internal/clock.ts";
import { ConnectionError, ServerBusyError } from "../../server/errors.ts";
import type { Client } from "./client.ts";
import { NodeError } from "./node-error.ts";
import type { RedisNode } from "./options.ts";
import { slotOf } from "./slot.ts";
import type { Argument, Reply, Transport, Usage } from "./transport.ts";
import { isReply } from "./trouble.ts";

/** A master, as the client knows it. */
interface Node extends RedisNode {
  readonly address: string;
  readonly client?: Client;
  /** While it connects. */
  readonly connectPromise?: Promise<Client>;
}

/** What we use of the client for clusters. */
export interface Cluster {
  readonly slots: readonly ({ readonly master: Node } | undefined)[];
  readonly masters: readonly Node[];
  connect(): Promise<unknown>;
  nodeClient(node: Node): Promise<Client>;
  sendCommand(key: string, isReadonly: boolean, args: readonly Argument[]): Promise<unknown>;
  destroy(): void;
  on(event: "error" | "node-error", listener: (error: unknown) => void): unknown;
}

export interface ClusterTransportOptions {
  readonly clock: Clock;
  /** Milliseconds without any answer of a node, while some are due, after which its connection counts as dead. */
  readonly patience: number;
  readonly usage: Usage;
  /** A client that is not connected yet. */
  make(): Promise<Cluster>;
  onLost(error: unknown): void;
  /** These are the masters. */
  onFound(nodes: readonly RedisNode[]): void;
}

/** Commands to one node. */
interface Account {
  sent: number;
  answered: number;
  seen: number;
  progressAt: number;
}

/** A client and what is under way with it. */
interface Generation {
  readonly cluster: Cluster;
  readonly accounts: Map<Node, Account>;
  pending: number;
  isRetired: boolean;
}

const watchInterval = 1000;
/** Milliseconds for a node to accept us: it may hang, and another one take its place soon. */
const reachLimit = 2000;
/** Milliseconds between two looks at how the cluster is made up. */
const refreshInterval = 500;

/**
 * A cluster. The client for clusters knows which node has which slot and follows redirections; it is not trusted with failures: it never
 * takes up a node again whose connection broke, looks for a new master only when an old one says so, and waits for a silent node for ever. So
 * we watch each node, and where one fails we have a new client in place of the old one, which keeps its other nodes' commands until they
 * are answered.
 */
export class ClusterTransport implements Transport {
  readonly isOrdered = false;
  readonly #options: ClusterTransportOptions;
  #current: Generation | undefined;
  readonly #retired = new Set<Generation>();
  #watch: TimerHandle | undefined;
  #isOver = false;
  #isRefreshing = false;
  /** A connection broke, so that the client cannot be kept. */
  #mustReplace = false;
  #refreshedAt = Number.NEGATIVE_INFINITY;
  #next = 0;

  constructor(options: ClusterTransportOptions) {
    this.#options = options;
  }

  async connect(): Promise<void> {
    const first = await this.#discover();
    if (this.#isOver) return first.cluster.destroy();
    this.#current = first;
    // Whoever reads is watched as a whole.
    if (this.#options.usage === "commands") this.#startWatch();
  }

  send(key: string, args: readonly Argument[]): Promise<Reply> {
    const generation = this.#current;
    if (generation === undefined) return Promise.reject(new ConnectionError("There is no connection to Redis."));
    if (key === "") return this.#sendAnywhere(generation, args);
    const node = generation.cluster.slots[slotOf(key)]?.master;
    if (node === undefined) {
      void this.#refresh(generation, false);
      return Promise.reject(new ServerBusyError("No node of the Redis Cluster serves this key at the moment."));
    }
    return this.#ask(generation, node, args).catch((error: unknown) => this.#redirect(generation, key, args, error));
  }

  destroy(): void {
    this.#isOver = true;
    this.#options.clock.clearTimer(this.#watch);
    for (const generation of [this.#current, ...this.#retired]) generation?.cluster.destroy();
    this.#current = undefined;
    this.#retired.clear();
  }

  async #discover(): Promise<Generation> {
    const cluster = await this.#options.make();
    let cause: unknown;
    cluster.on("error", (error) => {
      // Being refused explains more than being unreachable.
      if (!isReply(cause)) cause = error;
    });
    try {
      await cluster.connect();
    } catch (error) {
      throw cause ?? error;
    }
    const generation = { cluster, accounts: new Map(), pending: 0, isRetired: false };
    cluster.on("node-error", (error) => this.#findBroken(generation, error));
    this.#options.onFound(cluster.masters.map(({ host, port }) => ({ host, port })));
    return generation;
  }

  /** Tries one master after the other, as long as nothing was sent. */
  async #sendAnywhere(generation: Generation, args: readonly Argument[]): Promise<Reply> {
    const { masters } = generation.cluster;
    this.#next += 1;
    for (let i = 0; ; i += 1) {
      const node = masters[(this.#next + i) % masters.length];
      if (node === undefined) throw new ServerBusyError("The Redis Cluster has no master at the moment.");
      try {
        return await this.#ask(generation, node, args);
      } catch (error) {
        if (!(error instanceof NodeError) || error.wasSent || i + 1 >= masters.length) throw error;
      }
    }
  }

  /** Sends to this node and no other. Rejects with its error reply or with a `NodeError`. */
  #ask(generation: Generation, node: Node, args: readonly Argument[]): Promise<Reply> {
    const account = accountOf(generation, node);
    if (account.sent === account.answered) account.progressAt = this.#options.clock.monotonic();
    account.sent += 1;
    generation.pending += 1;
    const { client } = node;
    const reply =
      client?.isReady === true
        ? client.sendCommand(args)
        : this.#reach(generation, node).then((connected) => connected.sendCommand(args));
    return reply.then(
      (value) => {
        this.#settled(generation, account);
        return value as Reply;
      },
      (error: unknown) => {
        this.#settled(generation, account);
        throw isReply(error) || error instanceof NodeError ? error : this.#broke(generation, node, error);
      },
    );
  }

  async #reach({ cluster }: Generation, node: Node): Promise<Client> {
    try {
      const reached = cluster.nodeClient(node);
      reached.catch(() => {}); // After the time limit nobody waits for it any more.
      if (await inTime(this.#options.clock, reached, reachLimit)) return await reached;
      node.client?.destroy();
      throw new Error(`It did not answer within ${reachLimit} ms.`);
    } catch (error) {
      if (isReply(error)) throw error;
      throw this.#failed(this.#current?.cluster === cluster ? this.#current : undefined, node, error, false);
    }
  }

  /** The connection to a node broke while a command was under way. */
  #broke(generation: Generation, node: Node, error: unknown): NodeError {
    const wasSent = !/^Client(Closed|Offline)Error$/.test(nameOf(error));
    return this.#failed(generation, node, error, true, wasSent);
  }

  #failed(
    generation: Generation | undefined,
    node: Node,
    cause: unknown,
    isBroken: boolean,
    wasSent = false,
  ): NodeError {
    const text = cause instanceof Error ? cause.message : String(cause);
    const error = new NodeError(`The Redis node ${node.address} is out of reach: ${text}`, wasSent, { cause });
    if (generation !== undefined) this.#nodeFailed(generation, isBroken, error);
    return error;
  }

  #nodeFailed(generation: Generation, isBroken: boolean, error: unknown): void {
    if (this.#options.usage === "reads") this.#lose(error);
    else void this.#refresh(generation, isBroken);
  }

  /** A connection that nothing waited for ended. */
  #findBroken(generation: Generation, error: unknown): void {
    const isBroken = ({ client, connectPromise }: Node): boolean =>
      client !== undefined && !client.isOpen && connectPromise === undefined;
    if (generation.cluster.masters.some(isBroken)) this.#nodeFailed(generation, true, error);
  }

  #settled(generation: Generation, account: Account): void {
    account.answered += 1;
    generation.pending -= 1;
    if (generation.isRetired && generation.pending === 0) this.#bury(generation);
  }

  /** The key is with another node now, or partly so. */
  #redirect(generation: Generation, key: string, args: readonly Argument[], error: unknown): Promise<Reply> {
    const { message } = error as Error;
    const isMoved = isReply(error) && message.startsWith("MOVED ");
    if (!isMoved && !(isReply(error) && message.startsWith("ASK "))) throw error;
    if (isMoved && this.#options.usage === "reads") {
      const moved = new NodeError(`The channel moved to another node of the Redis Cluster: ${message}`, false);
      this.#lose(moved);
      throw moved;
    }
    return generation.cluster.sendCommand(key, false, args).then(
      (reply) => reply as Reply,
      (again: unknown) => {
        if (isReply(again)) throw again;
        const node = generation.cluster.slots[slotOf(key)]?.master;
        throw node === undefined ? again : this.#broke(generation, node, again);
      },
    );
  }

  /** Looks how the cluster is made up now, and takes a new client if that changed or if the old one is of no use. */
  async #refresh(generation: Generation, isBroken: boolean): Promise<void> {
    if (generation !== this.#current) return;
    if (isBroken) this.#mustReplace = true;
    if (this.#isRefreshing) return;
    this.#isRefreshing = true;
    const { clock } = this.#options;
    try {
      await sleep(clock, Math.max(0, this.#refreshedAt + refreshInterval - clock.monotonic()));
      if (this.#isOver) return;
      const next = await this.#discover();
      if (!this.#isOver && (this.#mustReplace || !sameOwners(generation.cluster, next.cluster))) this.#replace(next);
      else next.cluster.destroy();
    } catch (error) {
      this.#lose(error);
    } finally {
      this.#refreshedAt = clock.monotonic();
      this.#isRefreshing = false;
    }
  }

  #replace(next: Generation): void {
    const old = this.#current;
    this.#mustReplace = false;
    this.#current = next;
    if (old === undefined) return;
    old.isRetired = true;
    this.#retired.add(old);
    if (old.pending === 0) this.#bury(old);
  }

  #bury(generation: Generation): void {
    this.#retired.delete(generation);
    generation.cluster.destroy();
  }

  #lose(error: unknown): void {
    if (this.#isOver) return;
    this.destroy();
    this.#options.onLost(error);
  }

  #startWatch(): void {
    const { clock } = this.#options;
    const due = clock.monotonic() + watchInterval;
    this.#watch = clock.setTimer(() => this.#look(clock.monotonic() - due), watchInterval, { unref: true });
  }

  #look(lateness: number): void {
    const { clock, patience } = this.#options;
    const now = clock.monotonic();
    for (const generation of [this.#current, ...this.#retired]) {
      for (const [node, account] of generation?.accounts ?? []) {
        const { sent, answered, seen } = account;
        // After a stall of our own, answers may wait unread: they are given another turn.
        if (sent === answered || answered !== seen || lateness > watchInterval) account.progressAt = now;
        account.seen = answered;
        // All that waits for it rejects.
        if (now - account.progressAt >= patience) node.client?.destroy();
      }
    }
    if (!this.#isOver) this.#startWatch();
  }
}

function accountOf({ accounts }: Generation, node: Node): Account {
  let account = accounts.get(node);
  if (account === undefined) {
    account = { sent: 0, answered: 0, seen: 0, progressAt: 0 };
    accounts.set(node, account);
  }
  return account;
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.constructor.name : "";
}

function sameOwners(a: Cluster, b: Cluster): boolean {
  return (
    a.slots.length === b.slots.length && a.slots.every((one, i) => one?.master.address === b.slots[i]?.master.address)
  );
}
