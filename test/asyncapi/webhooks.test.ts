import { readFileSync } from "node:fs";
import type { AsyncApiDocument } from "millrace";
import { lintDocument } from "millrace/asyncapi";
import { expectContract } from "millrace/testing";
import { afterAll, expect, test } from "vitest";
import { createWebhookApp } from "../../examples/github-webhooks/app.ts";
import { readOptions } from "../../examples/github-webhooks/options.ts";
import { openPlace } from "../../examples/github-webhooks/place.ts";
import { openResults } from "../../examples/github-webhooks/results.ts";
import { diagnosticsOf } from "./official.ts";

const file = new URL("../../examples/github-webhooks/asyncapi.json", import.meta.url);
const options = readOptions(["--server", "memory:"]);
const place = await openPlace(options);
const app = createWebhookApp(place, openResults(place.results), options);
afterAll(() => app.close());

test("the document of the webhook example is the committed one (on purpose? MILLRACE_UPDATE=1)", async () => {
  await expectContract(app).toMatchFile(file);
});

test("and neither the official parser nor our lint finds anything in it", async () => {
  const document = JSON.parse(readFileSync(file, "utf8")) as AsyncApiDocument;
  expect(await diagnosticsOf(document)).toEqual([]);
  expect(lintDocument(document)).toEqual([]);
});
