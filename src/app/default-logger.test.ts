import { describe, expect, test } from "vitest";
import { createDefaultLogger } from "./default-logger.ts";

function lines(isTTY: boolean): {
  readonly text: () => string;
  readonly logger: ReturnType<typeof createDefaultLogger>;
} {
  const written: string[] = [];
  const stream = { isTTY, write: (text: string) => written.push(text) };
  const logger = createDefaultLogger(stream, () => Date.UTC(2030, 0, 1, 12));
  logger.enable();
  return { text: () => written.join(""), logger };
}

for (const [kind, isTTY] of [
  ["elsewhere (JSON)", false],
  ["on a terminal", true],
] as const) {
  describe(`the default logger ${kind}`, () => {
    test("writes nothing before a worker runs, and no debug events ever", () => {
      const written: string[] = [];
      const logger = createDefaultLogger({ isTTY, write: (text) => written.push(text) }, () => 0);
      logger.error({ event: "x" });
      logger.enable();
      logger.debug({ event: "x" });
      expect(written).toEqual([]);
      logger.info({ event: "x" });
      expect(written.length).toBe(1);
    });

    test("writes one line per event with time, level, event and fields", () => {
      const { text, logger } = lines(isTTY);
      logger.warn({ event: "message.expired", server: "main", count: 3 });
      expect(text()).toMatch(/^[^\n]+\n$/);
      for (const part of ["12:00:00", "warn", "message.expired", "main", "3"]) expect(text()).toContain(part);
    });

    test("leaves out secrets, wherever they are", () => {
      const { text, logger } = lines(isTTY);
      logger.error({
        event: "x",
        password: "hunter2",
        Authorization: "Bearer hunter2",
        nested: { token: "hunter2", deep: [{ "api-key": "hunter2" }] },
      });
      expect(text()).not.toContain("hunter2");
      expect(text()).toContain("[redacted]");
    });

    test("cannot be made to forge a line or move the cursor", () => {
      const { text, logger } = lines(isTTY);
      const evil = "x\r\n2030 error fake\u001b[2J";
      logger.error({ event: "x", message_id: evil, err: { name: evil, message: evil } }, evil);
      expect(text().split("\n").length).toBe(2);
      expect(text()).not.toContain("\r");
      expect(text()).not.toContain("\u001b");
    });

    test.each([
      [
        "circular",
        () => {
          const circular: { self?: unknown } = {};
          circular.self = circular;
          return circular;
        },
      ],
      [
        "throwing in toJSON",
        () => ({
          toJSON() {
            throw new Error("no");
          },
        }),
      ],
    ])("never throws over a value that is %s", (_, make) => {
      const { text, logger } = lines(isTTY);
      expect(() => logger.error({ event: "handler.error", value: make() })).not.toThrow();
      expect(text()).toContain("handler.error");
    });

    test.each([
      ["bigint", () => 10n],
      ["undefined", () => undefined],
      ["a function", () => () => 1],
      ["a symbol", () => Symbol("x")],
    ])("writes a value that is %s", (_, make) => {
      const { text, logger } = lines(isTTY);
      expect(() => logger.error({ event: "handler.error", value: make() })).not.toThrow();
      expect(text()).toContain("handler.error");
    });

    test("bounds long values", () => {
      const { text, logger } = lines(isTTY);
      logger.info({ event: "x", payload: "a".repeat(100_000) });
      expect(text().length).toBeLessThan(5000);
    });
  });
}
