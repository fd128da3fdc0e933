import { createApp } from "millrace";
import { inMemory } from "millrace/memory";
import { createTestClient } from "millrace/testing";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import type { LogFields, Logger } from "../../src/server/logger.ts";

function build() {
  const events: LogFields[] = [];
  const note = (fields: LogFields): void => void events.push(fields);
  const logger: Logger = { debug() {}, info: note, warn: note, error: note };
  const app = createApp({ title: "Mailer", version: "2.1.0", server: inMemory(), logger });
  const greet = app.actor({ name: "greet", payload: z.object({ who: z.string() }) }, () => {});
  return { app, greet, events };
}

const text = async (answer: Promise<Response>): Promise<string> => (await answer).text();

describe("runWorker({ docs })", () => {
  test("serves the documentation as long as the worker runs, on this machine only", async () => {
    const { app, events } = build();
    const worker = app.createWorker({ signals: [], docs: { port: 0, path: "/docs" } });
    await worker.start();
    const listening = events.find(({ event }) => event === "http.listen");
    expect(listening).toMatchObject({ host: "127.0.0.1", path: "/docs" });
    expect(events.filter(({ event }) => event === "server.exposed")).toEqual([]);
    const url = `http://127.0.0.1:${listening?.["port"]}/docs/`;
    expect(await text(fetch(url))).toContain("<h1");
    expect(await (await fetch(`${url}asyncapi.json`)).json()).toEqual(app.asyncapi());
    expect(await text(fetch(`${url}asyncapi.yaml`))).toContain("title: Mailer");
    await worker.stop();
    await expect(fetch(url)).rejects.toThrow();
    await app.close();
  });

  test("beside health, each on its port", async () => {
    const { app, events } = build();
    const worker = app.createWorker({ signals: [], docs: { port: 0 }, health: { port: 0 } });
    await worker.start();
    const ports = events.filter(({ event }) => event === "http.listen").map(({ port }) => port);
    const [health, docs] = ports;
    expect((await fetch(`http://127.0.0.1:${health}/healthz`)).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${docs}/`)).status).toBe(200);
    await worker.stop();
    await app.close();
  });

  test("a port that is taken, or a wrong option, refuses the start and says so", async () => {
    const { app, events } = build();
    const first = app.createWorker({ signals: [], docs: { port: 0 } });
    await first.start();
    const port = Number(events.find(({ event }) => event === "http.listen")?.["port"]);
    await expect(app.createWorker({ signals: [], docs: { port } }).start()).rejects.toMatchObject({
      code: "INVALID_OPTION",
      message: expect.stringMatching(/docs\.port/),
      cause: { code: "EADDRINUSE" },
    });
    await expect(app.createWorker({ signals: [], docs: { port: 70_000 } }).start()).rejects.toThrow(/docs\.port/);
    await first.stop();
    await app.close();
  });

  test("without docs nothing listens and no document is made", async () => {
    const events: LogFields[] = [];
    const note = (fields: LogFields): void => void events.push(fields);
    const logger: Logger = { debug() {}, info: note, warn: note, error: note };
    const app = createApp({ server: inMemory(), logger, toJsonSchema: () => expect.unreachable() });
    app.actor({ name: "a", payload: z.object({}) }, () => {});
    const worker = app.createWorker({ signals: [] });
    await worker.start();
    expect(events.filter(({ event }) => event === "http.listen")).toEqual([]);
    await worker.stop();
    await app.close();
  });
});

describe("app.docsHandler()", () => {
  test("follows what is registered after it was made", async () => {
    const { app } = build();
    const { fetch } = app.docsHandler();
    const ask = (): Promise<string> => text(fetch(new Request("http://localhost/asyncapi.json")));
    expect(await ask()).not.toContain("later");
    app.actor({ name: "later" }, () => {});
    expect(await ask()).toContain("later");
  });

  test("makes the document once", async () => {
    let conversions = 0;
    const toJsonSchema = (): undefined => {
      conversions += 1;
    };
    const app = createApp({ server: inMemory(), logger: false, toJsonSchema });
    app.actor({ name: "a", payload: z.object({}) }, () => {});
    const { fetch } = app.docsHandler();
    for (const path of ["", "asyncapi.json", "asyncapi.yaml"]) await fetch(new Request(`http://localhost/${path}`));
    const once = conversions;
    for (const path of ["", "asyncapi.json", "asyncapi.yaml"]) await fetch(new Request(`http://localhost/${path}`));
    expect([once > 0, conversions]).toEqual([true, once]);
  });

  test("works while a test client is open", async () => {
    const { app } = build();
    const client = createTestClient(app);
    const answer = await app.docsHandler().fetch(new Request("http://localhost/"));
    expect(answer.status).toBe(200);
    await client.close();
  });
});

test("app.asyncapiHtml() is the page as one string, with the options of the page", () => {
  const { app } = build();
  const page = app.asyncapiHtml();
  expect(page).toMatch(/^<!doctype html>[\s\S]*<h1[^>]*>Mailer<\/h1>[\s\S]*<\/html>\n$/);
  expect(page).toContain('id="operation-greet"');
  expect(app.asyncapiHtml({ operations: false, sidebar: false })).not.toContain('id="operation-greet"');
});
