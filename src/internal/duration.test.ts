import { describe, expect, test } from "vitest";
import { parseDuration } from "./duration.ts";

describe("a duration", () => {
  test.each<[unknown, number]>([
    [0, 0],
    [1.5, 1.5],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    ["0ms", 0],
    ["250ms", 250],
    ["30s", 30_000],
    ["1.5s", 1500],
    ["5m", 300_000],
    ["2h", 7_200_000],
    ["1d", 86_400_000],
    ["0.25d", 21_600_000],
    ["007s", 7000],
  ])("%j is %d ms", (value, milliseconds) => {
    expect(parseDuration(value)).toBe(milliseconds);
  });

  test.each<[unknown]>([
    [-1],
    [Number.NaN],
    [Number.NEGATIVE_INFINITY],
    [""],
    ["5"],
    ["s"],
    ["-5s"],
    ["+5s"],
    ["5 s"],
    [" 5s"],
    ["5s "],
    ["5S"],
    ["5sec"],
    ["5w"],
    [".5s"],
    ["5.s"],
    ["1e3s"],
    ["0x10s"],
    ["Infinitys"],
    ["1m30s"],
    ["5s\n"],
    ["٥s"],
    [null],
    [undefined],
    [true],
    [5n],
    [Symbol("5s")],
    [new Date(5)],
    [["5s"]],
    [{ valueOf: () => 5 }],
  ])("%s is none", (value) => {
    expect(parseDuration(value)).toBeUndefined();
  });

  test.each([`${"9".repeat(100_000)}s`, `1.${"9".repeat(100_000)}s`, "1".repeat(100_000), `${" ".repeat(100_000)}1s`])(
    "a text of a hundred thousand characters is refused at once",
    (text) => {
      const before = performance.now();
      expect(parseDuration(text)).toBeUndefined();
      expect(performance.now() - before).toBeLessThan(50);
    },
  );
});
