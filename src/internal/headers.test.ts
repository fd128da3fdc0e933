import { describe, expect, test } from "vitest";
import { createHeaders, findHeader, headerProblem } from "./headers.ts";

const odd = ["constructor", "toString", "hasOwnProperty", "valueOf", "__proto__", "prototype", "__defineGetter__"];

describe("a map of headers", () => {
  test.each(odd)("inherits nothing called %s", (name) => {
    const headers = createHeaders({ topic: "a" });
    expect(headers[name]).toBeUndefined();
    expect(name in headers).toBe(false);
    expect(findHeader(headers, name)).toBeUndefined();
  });

  test.each(odd)("keeps a header called %s like any other", (name) => {
    const headers = createHeaders();
    headers[name] = "x";
    expect(Object.keys(headers)).toEqual([name]);
    expect(findHeader(headers, name)).toBe("x");
    expect(findHeader(headers, name.toUpperCase())).toBe("x");
    expect({ ...createHeaders(headers) }).toEqual(JSON.parse(`{"${name}":"x"}`));
    expect(JSON.stringify(headers)).toBe(`{"${name}":"x"}`);
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });

  test("is a copy, without what is undefined, in the order given", () => {
    const from = { b: "1", a: undefined, "X-C": "" };
    const headers = createHeaders(from);
    from.b = "changed";
    expect(Object.entries(headers)).toEqual([
      ["b", "1"],
      ["X-C", ""],
    ]);
  });

  test("cannot be given a prototype by one map that others then inherit", () => {
    expect(() => Object.assign(Object.getPrototypeOf(createHeaders()) as object, { leaked: "x" })).toThrow(TypeError);
    expect(createHeaders()["leaked"]).toBeUndefined();
  });
});

describe("looking a header up", () => {
  test.each([
    [{ topic: "exact", Topic: "other" }, "topic", "exact"],
    [{ Topic: "other", topic: "exact" }, "topic", "exact"],
    [{ TOPIC: "first", Topic: "second" }, "topic", "first"],
    [{ "X-Tenant": "a" }, "x-tenant", "a"],
    [{ "x-tenant": "a" }, "X-TENANT", "a"],
    [{ empty: "" }, "Empty", ""],
    [{ topics: "a", topi: "b" }, "topic", undefined],
    [{}, "topic", undefined],
  ])("in %j for %s gives %j", (headers, name, value) => {
    expect(findHeader(createHeaders(headers as Record<string, string>), name)).toBe(value);
  });
});

describe("what can be sent as a header", () => {
  test.each([
    ["a", ""],
    ["!#$%&'*+-.^_`|~0aZ", "x"],
    ["x-tenant", " leading and trailing "],
    ["x", "\ttab"],
    ["x", "ümlaut 💥 \u2028"],
    ["__proto__", "x"],
    ["x", "y".repeat(100_000)],
  ])("%j: %j", (name, value) => {
    expect(headerProblem(name, value)).toBeUndefined();
  });

  test.each<[string, unknown, RegExp]>([
    ["", "x", /name is not an HTTP token/],
    ["a b", "x", /name/],
    ["a:b", "x", /name/],
    ["a\r\nb", "x", /name/],
    ["ä", "x", /name/],
    ["a,b", "x", /name/],
    ["(a)", "x", /name/],
    ['"a"', "x", /name/],
    ["a\0", "x", /name/],
    ["x", "a\rb", /CR, LF or NUL/],
    ["x", "a\nb", /CR, LF or NUL/],
    ["x", "\0", /CR, LF or NUL/],
    ["x", "ends in\n", /CR, LF or NUL/],
    ["x", 5, /not a string but number/],
    ["x", true, /not a string but boolean/],
    ["x", null, /not a string but null/],
    ["x", undefined, /not a string but undefined/],
    ["x", ["a"], /not a string but object/],
    ["x", new String("a"), /not a string but object/],
  ])("not %j: %j", (name, value, problem) => {
    expect(headerProblem(name, value)).toMatch(problem);
  });
});
