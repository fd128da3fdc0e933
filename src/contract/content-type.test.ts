import { describe, expect, test } from "vitest";
import { DecodeError } from "../server/errors.ts";
import type { Codec } from "./codec.ts";
import { createDecoder } from "./content-type.ts";
import { jsonCodec } from "./json-codec.ts";

const bytes = Buffer.from("[1]");

/** A codec of the user: reversed text. */
const reversed: Codec = {
  contentType: "application/x-reversed",
  accepts: (mediaType) => mediaType === "application/x-reversed",
  encode: (value) => Buffer.from([...String(value)].toReversed().join("")),
  decode: (payload) => [...Buffer.from(payload).toString()].toReversed().join(""),
};

describe("the content type decides how a payload is read", () => {
  const decode = createDecoder(undefined);

  test.each<[string | undefined, unknown]>([
    [undefined, [1]],
    ["", [1]],
    ["application/json", [1]],
    ["  Application/JSON  ", [1]],
    ["application/json;charset=UTF-8", [1]],
    ["application/json; charset=utf8", [1]],
    ['application/json; version=1; CHARSET = "Utf-8"', [1]],
    ["application/json;", [1]],
    ["application/cloudevents+json", [1]],
    ["application/problem+JSON; charset=utf-8", [1]],
    ["text/plain", "[1]"],
    ["TEXT/PLAIN; charset=utf-8; format=flowed", "[1]"],
    ["application/octet-stream", bytes],
    ["Application/Octet-Stream; x=y", bytes],
  ])("%j", (type, value) => {
    expect(decode(bytes, type)).toEqual(value);
    expect(decode(bytes, type)).toEqual(value);
  });

  test.each([
    "application/xml",
    "application/jsonx",
    "text/json",
    "text/html; charset=utf-8",
    "application/msgpack",
    "json",
    "*/*",
    "application/json, text/plain",
    "application/json; charset=latin1",
    "application/json; charset=utf-16",
    "application/vnd.x+json; charset=iso-8859-1",
    "text/plain; charset=windows-1252",
    "\0",
    "__proto__",
    "constructor",
  ])("%j is refused, every time", (type) => {
    for (let i = 0; i < 3; i += 1) expect(() => decode(bytes, type)).toThrow(DecodeError);
  });

  test("an error shows a long content type only in part, on one line", () => {
    try {
      decode(bytes, `a\r\nb${"x".repeat(10_000)}`);
    } catch (error) {
      expect((error as Error).message.length).toBeLessThan(200);
      expect((error as Error).message).not.toMatch(/[\r\n]/);
    }
  });

  test("text keeps its byte order mark and its emptiness, and must be UTF-8", () => {
    expect(decode(Buffer.from("\ufeffx"), "text/plain")).toBe("\ufeffx");
    expect(decode(new Uint8Array(0), "text/plain")).toBe("");
    expect(() => decode(Buffer.from([0xff]), "text/plain")).toThrow(DecodeError);
    expect(decode(Buffer.from([0xff]), "application/octet-stream")).toEqual(Buffer.from([0xff]));
  });

  test("a flood of odd content types is not remembered, and the usual ones still work", () => {
    for (let i = 0; i < 10_000; i += 1) decode(bytes, `application/json; x=${i}`);
    expect(decode(bytes, "application/json")).toEqual([1]);
    expect(decode(bytes, "text/plain")).toBe("[1]");
  });

  test.each([";".repeat(100_000), `application/json;${" ".repeat(100_000)}=`, `a/b;charset="${'"'.repeat(100_000)}`])(
    "a content type of a hundred thousand characters takes no time",
    (type) => {
      const before = performance.now();
      try {
        decode(bytes, type);
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
      expect(performance.now() - before).toBeLessThan(100);
    },
  );
});

describe("a codec of one's own", () => {
  test("is asked first, and the built-in ones are still there", () => {
    const decode = createDecoder(reversed);
    expect(decode(Buffer.from("cba"), "application/x-reversed; v=1")).toBe("abc");
    expect(decode(bytes, undefined)).toEqual([1]);
    expect(decode(bytes, "text/plain")).toBe("[1]");
    expect(() => decode(bytes, "application/xml")).toThrow(DecodeError);
  });

  test("may take over JSON, text, bytes and messages without a content type", () => {
    const all: Codec = { ...reversed, accepts: () => true, decode: (_, mediaType) => `mine: ${mediaType}` };
    const decode = createDecoder(all);
    for (const [type, seen] of [
      [undefined, "mine: "],
      ["", "mine: "],
      ["Application/JSON", "mine: application/json"],
      ["text/plain", "mine: text/plain"],
      ["odd", "mine: odd"],
    ] as const) {
      expect(decode(bytes, type)).toBe(seen);
    }
  });

  test("chooses its own character sets", () => {
    const latin: Codec = { ...reversed, decode: (payload) => Buffer.from(payload).toString("latin1") };
    expect(createDecoder(latin)(Buffer.from([0xe4]), "application/x-reversed; charset=latin1")).toBe("ä");
    expect(() => createDecoder(jsonCodec)(bytes, "application/json; charset=latin1")).toThrow(DecodeError);
  });

  test("that throws is a DecodeError with its error as the cause", () => {
    const cause = new RangeError("bad magic");
    const broken: Codec = {
      ...reversed,
      decode: () => {
        throw cause;
      },
    };
    expect(() => createDecoder(broken)(bytes, "application/x-reversed")).toThrow(
      expect.objectContaining({ code: "DECODE_FAILED", cause }),
    );
  });
});
