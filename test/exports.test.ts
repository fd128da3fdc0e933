import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { entries, expectedPath, indexes, type Surface, surface } from "../scripts/exports.ts";

const root = fileURLToPath(new URL("../", import.meta.url));

describe("the public surface", () => {
  test("every subpath of package.json has its source", () => {
    expect([...entries().values()].filter((source) => !existsSync(root + source))).toEqual([]);
  });

  test("every index.ts of a folder or server is a subpath of package.json", () => {
    expect(indexes()).toEqual([...entries().values()].sort());
  });

  test("every subpath exports exactly the pinned names (on purpose? node scripts/exports.ts --write)", async () => {
    expect(await surface()).toEqual(JSON.parse(readFileSync(expectedPath, "utf8")) as Surface);
  });
});
