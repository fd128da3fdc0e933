import { type App, createApp, createRouter, defineChannel, defineOperation } from "millrace";
import { lintDocument } from "millrace/asyncapi";
import { inMemory } from "millrace/memory";
import { expect, test } from "vitest";
import * as z from "zod";
import { at, diagnosticsOf } from "../asyncapi/official.ts";

/** Documents without addresses and links to servers, with models, keys and ids that overwrote each other. */
test("W24: nothing is left out of a document and nothing in it is overwritten", async () => {
  const operation = defineOperation({ name: "take/it", payload: z.object({ s: z.string() }).meta({ id: "Model" }) });
  const app: App = createApp({ servers: { "first one": inMemory(), second: inMemory() }, operations: [operation] });
  const eu = createRouter({ channel: defineChannel({ address: "eu.{kind}", parameters: { kind: { default: "a" } } }) });
  eu.actor(
    { name: "take it", payload: z.object({ n: z.number() }).meta({ id: "Model" }), reply: z.string() },
    () => "",
  );
  eu.actor({ name: "nothing", tags: ["a tag/with ~ signs"] }, () => {});
  app.include(eu);
  const document = app.asyncapi();

  expect(await diagnosticsOf(document)).toEqual([]);
  expect(lintDocument(document).filter(({ severity }) => severity !== "info")).toEqual([]);
  expect(document.channels?.["eu.kind"]).toMatchObject({
    address: "eu.{kind}",
    parameters: { kind: { default: "a" } },
    servers: [{ $ref: "#/servers/first_one" }, { $ref: "#/servers/second" }],
  });
  expect(at(document, "servers", "second")["x-name"]).toBe("second");
  expect(Object.keys(document.components?.schemas ?? {})).toEqual(["Model", "Model_2"]);
  expect(Object.keys(document.operations ?? {})).toEqual(["take_it", "nothing", "send_take_it"]);
  expect(Object.keys(document.components?.messages ?? {})).toEqual(["take_it", "nothing", "take_it_2", "take_itReply"]);
  expect(at(document, "components", "messages", "nothing", "contentType")).toBe("application/json");
  expect(at(document, "operations", "take_it", "reply", "channel")).toEqual({ $ref: "#/channels/replies" });
});
