import { describe, expect, test } from "vitest";
import { OptionError } from "./errors.ts";
import { choiceOption, durationOption, integerOption, nameOption } from "./option.ts";

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(OptionError);
    return (error as Error).message;
  }
  throw new Error("it was accepted");
}

describe("options say what they expect and what they got", () => {
  test("durations", () => {
    const text = 'to be a duration (milliseconds, or a string like "30s"), got';
    expect(messageOf(() => durationOption("x", "soon" as "1s"))).toBe(`Expected x ${text} "soon".`);
    expect(messageOf(() => durationOption("x", -1))).toBe(`Expected x ${text} -1.`);
    expect(messageOf(() => durationOption("x", Number.NaN))).toBe(`Expected x ${text} NaN.`);
    expect(messageOf(() => durationOption("x", Number.POSITIVE_INFINITY))).toBe(`Expected x ${text} Infinity.`);
    expect(messageOf(() => durationOption("x", null as never))).toBe(`Expected x ${text} null.`);
    expect(messageOf(() => durationOption("x", 99, { min: 100 }))).toBe(
      'Expected x to be a duration of at least 100 ms (milliseconds, or a string like "30s"), got 99.',
    );
    expect(durationOption("x", Number.POSITIVE_INFINITY, { infinite: true })).toBe(Number.POSITIVE_INFINITY);
    expect(durationOption("x", "1.5s", { min: 1500 })).toBe(1500);
    expect(durationOption("x", 0)).toBe(0);
  });

  test("whole numbers", () => {
    for (const [value, shown] of [
      [0, "0"],
      [1.5, "1.5"],
      [Number.NaN, "NaN"],
      [Number.POSITIVE_INFINITY, "Infinity"],
      ["5", '"5"'],
      [undefined, "undefined"],
    ] as const) {
      const message = messageOf(() => integerOption("x", value as number, { min: 1 }));
      expect(message).toBe(`Expected x to be a whole number from 1 up, got ${shown}.`);
    }
    expect(messageOf(() => integerOption("x", 11, { min: 0, max: 10 }))).toBe(
      "Expected x to be a whole number from 0 to 10, got 11.",
    );
    expect(messageOf(() => integerOption("x", 2 ** 53, { min: 0 }))).toContain("whole number");
    expect(integerOption("x", Number.POSITIVE_INFINITY, { min: 1, infinite: true })).toBe(Number.POSITIVE_INFINITY);
  });

  test("words and names", () => {
    expect(messageOf(() => choiceOption("x", "c", ["a", "b"]))).toBe('Expected x to be one of a, b, got "c".');
    expect(messageOf(() => choiceOption("x", undefined, ["a"]))).toBe("Expected x to be one of a, got undefined.");
    expect(messageOf(() => nameOption("x", ""))).toBe('Expected x to be a non-empty string, got "".');
    expect(messageOf(() => nameOption("x", 5))).toBe("Expected x to be a non-empty string, got 5.");
    expect(messageOf(() => nameOption("x", undefined))).toBe("Expected x to be a non-empty string, got undefined.");
  });

  test("a long value is shown only in part", () => {
    expect(messageOf(() => choiceOption("x", "y".repeat(10_000), ["a"])).length).toBeLessThan(200);
    expect(messageOf(() => durationOption("x", `${"9".repeat(10_000)}s` as "9s")).length).toBeLessThan(300);
  });

  // BUG: showing the value throws a TypeError of its own for values that have no text.
  test.each<[string, unknown]>([
    ["an object without a prototype", Object.create(null)],
    [
      "an object whose toString throws",
      {
        toString() {
          throw new TypeError("no text");
        },
      },
    ],
  ])("also of %s", (_, value) => {
    messageOf(() => nameOption("x", value));
  });
});
