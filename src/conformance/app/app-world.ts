import assert from "node:assert/strict";
import { type App, createApp, type WorkerOptions, type WorkerResult } from "../../index.ts";
import { sleep, systemClock } from "../../internal/clock.ts";
import type { DeadLetter, DeadLetterStore } from "../../server/dead-letter-store.ts";
import type { BrokerServer } from "../../server/server.ts";
import type { World } from "../world.ts";
import { type Line, openLine } from "./line.ts";

export type ServerApp = App<{ readonly main: BrokerServer }, "main", false>;

/** A worker that runs until it is stopped. */
export interface Work {
  readonly finished: Promise<WorkerResult>;
  stop(): Promise<WorkerResult>;
}

/** What one case over the public surface works with: apps on one server's storage, and their workers. */
export class AppWorld {
  readonly world: World;
  /** Channel of the case. */
  channel = "";
  readonly #controllers: AbortController[] = [];
  readonly #works: Promise<unknown>[] = [];
  readonly #apps: ServerApp[] = [];
  #shared: BrokerServer | undefined;

  constructor(world: World) {
    this.world = world;
  }

  async open(): Promise<void> {
    this.channel = await this.world.channel();
  }

  /** An app with a connection of its own. */
  async app(): Promise<ServerApp> {
    return this.#appOn((await this.line()).server);
  }

  /** An app on the server itself, without anything in between; the only app of its case where storage is in the server. */
  async directApp(): Promise<ServerApp> {
    return this.#appOn(await this.world.create());
  }

  /** A connection that can be cut, for an app of its own. */
  async line(): Promise<Line> {
    if (this.world.target.supportsSecondConnection) return openLine(await this.world.create(), false);
    this.#shared ??= await this.world.create();
    return openLine(this.#shared, true);
  }

  appOnLine(line: Line): ServerApp {
    return this.#appOn(line.server);
  }

  /** Runs a worker to its end; with `messagesLimit` it ends by itself. */
  run(app: ServerApp, options: WorkerOptions<"main"> = {}): Promise<WorkerResult> {
    return this.start(app, options).finished;
  }

  start(app: ServerApp, options: WorkerOptions<"main"> = {}): Work {
    const controller = new AbortController();
    this.#controllers.push(controller);
    const finished = app.runWorker({
      concurrency: 10,
      signals: [],
      shutdownTimeout: "5s",
      signal: controller.signal,
      ...options,
    });
    this.#works.push(finished.catch(() => {}));
    return {
      finished,
      stop: () => {
        controller.abort();
        return finished;
      },
    };
  }

  /** Runs a worker until the condition holds, then stops it gracefully. */
  async runUntil(
    app: ServerApp,
    what: string,
    condition: () => boolean | Promise<boolean>,
    options: WorkerOptions<"main"> = {},
  ): Promise<WorkerResult> {
    const work = this.start(app, options);
    // A worker that fails must fail the case with its own error.
    const failed = work.finished.then(() => assert.fail("the worker ended too early"));
    failed.catch(() => {});
    await Promise.race([this.world.until(what, condition, 20_000), failed]);
    return work.stop();
  }

  dead(app: ServerApp): DeadLetterStore {
    return app.deadLetters(this.channel);
  }

  async onlyDead(app: ServerApp): Promise<DeadLetter> {
    const [entry, ...more] = await this.dead(app).list();
    assert.ok(entry !== undefined, "one dead letter");
    assert.equal(more.length, 0);
    return entry;
  }

  /** Nothing is left in the channel: a fresh subscriber gets nothing. */
  async isEmpty(): Promise<void> {
    const server = (await this.line()).server;
    await server.connect();
    const inbox = await this.world.subscribe({ server });
    await inbox.staysQuiet();
    await inbox.subscription.close();
    await server.disconnect();
  }

  async close(): Promise<void> {
    for (const controller of this.#controllers) controller.abort();
    // A worker behind a cut line never ends: nobody waits for the dead.
    await Promise.race([Promise.all(this.#works), sleep(systemClock, 1000)]);
    await Promise.race([Promise.allSettled(this.#apps.map((app) => app.close())), sleep(systemClock, 1000)]);
  }

  #appOn(server: BrokerServer): ServerApp {
    const app = createApp({ servers: { main: server }, defaultServer: "main", logger: false });
    this.#apps.push(app);
    return app;
  }
}
