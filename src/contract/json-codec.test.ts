import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DecodeError, EncodeError } from "../server/errors.ts";
import { jsonCodec } from "./json-codec.ts";

const encode = (value: unknown): string => Buffer.from(jsonCodec.encode(value)).toString();
const decode = (text: string | Uint8Array): unknown => jsonCodec.decode(Buffer.from(text), "application/json");

function errorOf(action: () => unknown): EncodeError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(EncodeError);
    return error as EncodeError;
  }
  throw new Error("it was encoded");
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i += 1) value = i % 2 === 0 ? [value] : { a: value };
  return value;
}

describe("JSON values", () => {
  test("come back as they were", () => {
    const value = fc.jsonValue().filter((one) => !JSON.stringify(one).includes("__proto__"));
    fc.assert(
      fc.property(value, (one) => {
        expect(decode(encode(one))).toEqual(JSON.parse(JSON.stringify(one)));
        expect(encode(one)).toBe(JSON.stringify(one));
      }),
    );
  });

  test("beside values that need converting come back as they were, too", () => {
    const value = fc.jsonValue().filter((one) => !JSON.stringify(one).includes("__proto__"));
    fc.assert(
      fc.property(value, (one) => {
        const plain = JSON.parse(JSON.stringify(one)) as unknown;
        expect(decode(encode({ one, at: new Date(0), big: 1n }))).toEqual({
          one: plain,
          ...{ at: "1970-01-01T00:00:00.000Z", big: "1" },
        });
      }),
    );
  });

  test("whatever bytes come in, the outcome is a value or a DecodeError", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          decode(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
    );
  });
});

describe("what JSON does not have", () => {
  const bytes = new Uint8Array([0, 1, 2, 255]);

  test.each<[string, unknown, string]>([
    ["a Date", new Date(0), '"1970-01-01T00:00:00.000Z"'],
    ["a Date in year 9999", new Date(Date.UTC(9999, 11, 31)), '"9999-12-31T00:00:00.000Z"'],
    ["a bigint", 2n ** 64n, '"18446744073709551616"'],
    ["a negative bigint", -1n, '"-1"'],
    ["bytes", bytes, '"AAEC/w=="'],
    ["a Buffer", Buffer.from(bytes), '"AAEC/w=="'],
    ["a part of a larger buffer", bytes.subarray(1, 3), '"AQI="'],
    ["no bytes", new Uint8Array(0), '""'],
    ["undefined properties", { a: undefined, b: { c: undefined } }, '{"b":{}}'],
    ["undefined beside a Date", { a: undefined, at: new Date(0) }, '{"at":"1970-01-01T00:00:00.000Z"}'],
    ["undefined in a list", [undefined, 1], "[null,1]"],
    ["a list with holes", Object.assign(new Array(2), { 1: 1 }), "[null,1]"],
    ["negative zero", -0, "0"],
    ["null", null, "null"],
    ["a text with odd characters", '\u2028"\\\ud800', '"\u2028\\"\\\\\\ud800"'],
    ["an object without a prototype", Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
    [
      "a class instance",
      new (class Point {
        x = 1;
        y = { at: new Date(0) };
        get z() {
          return 3;
        }
      })(),
      '{"x":1,"y":{"at":"1970-01-01T00:00:00.000Z"}}',
    ],
    ["toJSON", { toJSON: () => ({ at: new Date(0) }) }, '{"at":"1970-01-01T00:00:00.000Z"}'],
    ["toJSON that gives nothing", { a: { toJSON: () => undefined }, b: 1 }, '{"b":1}'],
    ["toJSON that is data", { toJSON: "yes" }, '{"toJSON":"yes"}'],
    ["a URL", new URL("http://localhost/a"), '"http://localhost/a"'],
    ["symbols as keys", { [Symbol("s")]: 1, a: 1 }, '{"a":1}'],
  ])("%s", (_, value, text) => {
    expect(encode(value)).toBe(text);
    expect(encode({ in: [value] })).toBe(text === undefined ? "{}" : `{"in":[${text}]}`);
  });

  test.each<[string, unknown, string, RegExp]>([
    ["a Map", { a: { b: new Map() } }, "a.b", /Map at a\.b.*Object\.fromEntries/],
    ["a Set", [[new Set()]], "[0][0]", /Set at \[0\]\[0\]/],
    ["NaN", { list: [1, { n: Number.NaN }] }, "list[1].n", /NaN at list\[1\]\.n/],
    ["Infinity", { n: Number.POSITIVE_INFINITY }, "n", /Infinity at n/],
    ["minus Infinity", [Number.NEGATIVE_INFINITY], "[0]", /-Infinity at \[0\]/],
    ["a function", { f: () => {} }, "f", /function at f/],
    ["a method", { deep: { m() {} } }, "deep.m", /function at deep\.m/],
    ["a class", { c: class {} }, "c", /function at c/],
    ["a symbol", { s: Symbol("x") }, "s", /symbol at s/],
    ["an invalid Date", { at: new Date(Number.NaN) }, "at", /invalid Date at at/],
    ["the value itself", Number.NaN, "", /NaN at the payload/],
    ["what toJSON gives", { a: { toJSON: () => new Map() } }, "a", /Map at a/],
  ])("%s is refused, by its place", (_, value, path, message) => {
    const error = errorOf(() => jsonCodec.encode(value));
    expect(error.path).toBe(path);
    expect(error.message).toMatch(message);
  });

  test("circles are refused, and what is merely used twice is not", () => {
    const circle: Record<string, unknown> = { name: "x" };
    circle["self"] = circle;
    const list: unknown[] = [new Date(0)];
    list.push({ list });
    const forever = { toJSON: (): unknown => ({ ...forever }) };
    for (const value of [circle, list, forever])
      expect(errorOf(() => jsonCodec.encode(value)).message).toMatch(/circular/);
    const shared = { at: new Date(0) };
    expect(decode(encode([shared, shared]))).toEqual([
      { at: "1970-01-01T00:00:00.000Z" },
      { at: "1970-01-01T00:00:00.000Z" },
    ]);
  });

  test("nesting is bounded when encoding, and the limit is not near what people write", () => {
    expect(decode(encode(nested(150)))).toEqual(nested(150));
    for (const depth of [1000, 100_000]) expect(() => jsonCodec.encode(nested(depth))).toThrow(EncodeError);
    expect(() => jsonCodec.encode({ at: new Date(0), deep: nested(100_000) })).toThrow(EncodeError);
  });

  // BUG: an error of the value's own code comes through as it is, without a place.
  test("a getter or toJSON that throws is an EncodeError that names its place", () => {
    const value = {
      user: {
        get name(): string {
          throw new RangeError("gone");
        },
      },
    };
    expect(errorOf(() => jsonCodec.encode(value)).path).toBe("user.name");
  });

  test("nothing given is an empty payload", () => {
    expect(jsonCodec.encode(undefined).byteLength).toBe(0);
    expect(jsonCodec.encode({ toJSON: () => undefined }).byteLength).toBe(0);
  });
});

describe("reading JSON", () => {
  test.each<[string, string | Uint8Array, unknown]>([
    ["an empty body", "", {}],
    ["a byte order mark", "\ufeff[1]", [1]],
    ["only a byte order mark before white space", "\ufeff 1", 1],
    ["white space around", " \t\r\n{ } \n", {}],
    ["null", "null", null],
    ["a replacement character that was sent", '"\ufffd"', "\ufffd"],
    ["an escaped lone surrogate", '"\\ud800"', "\ud800"],
    ["duplicate keys, the last one", '{"a":1,"a":2}', { a: 2 }],
    ["a number beyond doubles", "1e999", Number.POSITIVE_INFINITY],
    [
      "other odd names",
      '{"constructor":{"prototype":{"x":1}},"toString":1}',
      JSON.parse('{"constructor":{"prototype":{"x":1}},"toString":1}'),
    ],
  ])("%s", (_, text, value) => {
    expect(decode(text)).toEqual(value);
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  test.each<[string, string | Uint8Array]>([
    ["text", "hello"],
    ["a cut object", '{"a":1'],
    ["two values", "1 2"],
    ["NaN", "NaN"],
    ["single quotes", "{'a':1}"],
    ["a trailing comma", "[1,]"],
    ["a comment", "// x\n1"],
    ["white space only", "  "],
    ["only a byte order mark", "\ufeff"],
    ["two byte order marks", "\ufeff\ufeff1"],
    ["a raw line break in a text", '"a\nb"'],
    ["a stray continuation byte", Buffer.from([0x22, 0x80, 0x22])],
    ["an overlong form", Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
    ["a surrogate in UTF-8", Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ["a cut character", Buffer.from([0x22, 0xe2, 0x82])],
    ["invalid bytes beside a replacement character", Buffer.from([0x22, 0xef, 0xbf, 0xbd, 0xff, 0x22])],
    ["UTF-16", Buffer.from('{"a":1}', "utf16le")],
  ])("%s is refused", (_, text) => {
    expect(() => decode(text)).toThrow(DecodeError);
  });

  test("an error does not repeat the payload", () => {
    try {
      decode('{"password":"hunter2"');
    } catch (error) {
      expect((error as Error).message).toBe("The payload is not valid JSON.");
    }
  });

  test("a hundred thousand levels are read or refused, and never overflow the stack", () => {
    for (const text of ["[".repeat(100_000) + "]".repeat(100_000), "[".repeat(100_000), '{"a":'.repeat(100_000)]) {
      for (const prefix of ["", '["__proto__",']) {
        try {
          decode(prefix + text + (prefix === "" ? "" : "]"));
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }
    }
  });
});

describe("__proto__ as a key", () => {
  const spell = (key: string): string => `{"a":1,"list":[{"${key}":{"admin":true}}],"${key}":{"admin":true}}`;

  test.each([
    "__proto__",
    "\\u005f_proto__",
    "\\u005F\\u005F\\u0070\\u0072oto__",
    "__proto\\u005f_",
    "__proto_\\u005f",
  ])("written %s is left out, at any depth, and nothing is polluted", (key) => {
    const value = decode(spell(key)) as { a: number; list: object[] };
    expect(Object.keys(value)).toEqual(["a", "list"]);
    expect(Object.getOwnPropertyNames(value.list[0])).toEqual([]);
    expect((Object.assign({}, value) as { admin?: boolean }).admin).toBeUndefined();
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  // BUG: only spellings with an escaped underscore are looked for; with an escaped letter the key gets through.
  test.each(["__\\u0070roto__", "__p\\u0072oto__", "__\\u0070\\u0072\\u006f\\u0074\\u006f__"])(
    "written %s is left out, too",
    (key) => {
      const value = decode(spell(key)) as object;
      expect(Object.keys(value)).toEqual(["a", "list"]);
      expect((Object.assign({}, value) as { admin?: boolean }).admin).toBeUndefined();
    },
  );

  test("as a value it is just a text, and names like it are just names", () => {
    expect(decode('{"a":"__proto__","__proto":1,"proto__":2}')).toEqual({ a: "__proto__", __proto: 1, proto__: 2 });
  });

  test("is data when encoding and does not change the copy's prototype", () => {
    const value = JSON.parse('{"__proto__":{"admin":true}}') as object;
    expect(encode(value)).toBe('{"__proto__":{"admin":true}}');
    expect(encode({ value, at: new Date(0) })).toContain('"__proto__":{"admin":true}');
  });
});
