import { Parser } from "@asyncapi/parser";
import { expect, test } from "vitest";
import { everything } from "./everything.ts";
import { withHostileTexts } from "./hostile.ts";

test.each([
  ["everything", everything],
  ["everything with hostile texts", withHostileTexts(everything)],
])(
  "the official parser has nothing against the document of these tests: %s",
  async (_, document) => {
    const diagnostics = await new Parser().validate(structuredClone(document) as never);
    expect(diagnostics.map(({ message, path }) => `${path.join("/")}: ${message}`)).toEqual([]);
  },
  60_000,
);
