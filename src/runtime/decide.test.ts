import { describe, expect, test } from "vitest";
import type { Confirmation } from "../contract/actor.ts";
import type { DecisionPolicy } from "../contract/actor-plan.ts";
import type { Message } from "../contract/message.ts";
import { compileRetry, type RetryOption } from "../contract/retry.ts";
import {
  ActorTimeoutError,
  DecodeError,
  InvalidOutcomeError,
  NonRetryableError,
  ValidationError,
} from "../server/errors.ts";
import { RetryAfterError } from "../server/retry-after.ts";
import { type Decision, decide, type RunEvent } from "./decide.ts";

const failure = new RangeError("no such user");
const invalid = new ValidationError("payload", [{ message: "Required", path: ["who"] }]);
const undecodable = new DecodeError("The payload is not valid JSON.");
const late = new ActorTimeoutError("greet", 1000);
const message = { id: "1" } as Message;

const events = {
  success: { kind: "success", value: undefined },
  error: { kind: "error", error: failure },
  invalid: { kind: "invalid", error: invalid },
  decode: { kind: "invalid", error: undecodable },
  timeout: { kind: "timeout", error: late },
  shutdown: { kind: "shutdown" },
} as const satisfies Record<string, RunEvent>;
type EventName = keyof typeof events;

interface Given extends Partial<Omit<DecisionPolicy, "retry">> {
  readonly retry?: RetryOption;
}

function decided(given: Given, event: RunEvent, attempt = 1, random = 0.5): Decision {
  const { retry, ...rest } = given;
  const policy: DecisionPolicy = {
    actor: "greet",
    confirmation: "auto",
    onError: undefined,
    onInvalid: undefined,
    onTimeout: undefined,
    retry: retry === undefined ? undefined : compileRetry(retry),
    ...rest,
  };
  return decide(policy, event, attempt, () => random, message);
}

/** One word per decision: the action, with the code of a dead letter or the delay of a retry. */
function word({ action, code, delay, attempted, problem }: Decision): string {
  const detail = action === "nack" ? ` ${code}` : action === "retry" ? ` ${delay}` : "";
  return `${action}${detail}${attempted ? "" : " uncounted"}${problem === undefined ? "" : " !"}`;
}

const fixedRetry = { attempts: 3, backoff: 100 } as const;

describe("what becomes of a message when nothing is configured", () => {
  const table: Record<EventName, Record<Confirmation, string>> = {
    success: { auto: "ack", alwaysAck: "ack", ackFirst: "none", manual: "none", explicit: "nack-or-none" },
    error: { auto: "nack error", alwaysAck: "ack", ackFirst: "none", manual: "none", explicit: "none" },
    invalid: {
      auto: "nack invalid",
      alwaysAck: "ack",
      ackFirst: "none",
      manual: "nack invalid",
      explicit: "nack invalid",
    },
    decode: { auto: "nack decode", alwaysAck: "ack", ackFirst: "none", manual: "nack decode", explicit: "nack decode" },
    timeout: { auto: "reject", alwaysAck: "ack", ackFirst: "none", manual: "reject", explicit: "reject" },
    shutdown: {
      auto: "reject uncounted",
      alwaysAck: "reject uncounted",
      ackFirst: "none uncounted",
      manual: "reject uncounted",
      explicit: "reject uncounted",
    },
  };
  const rows = Object.entries(table).flatMap(([event, cells]) =>
    Object.entries(cells).map(([confirmation, expected]) => ({ event, confirmation, expected })),
  ) as { event: EventName; confirmation: Confirmation; expected: string }[];

  test.each(rows.filter(({ expected }) => expected !== "nack-or-none"))(
    "$event in mode $confirmation gives $expected",
    ({ event, confirmation, expected }) => {
      expect(word(decided({ confirmation }, events[event]))).toBe(expected);
    },
  );

  test("a retry policy changes only what happens after errors and timeouts in mode auto", () => {
    for (const { event, confirmation, expected } of rows) {
      if (expected === "nack-or-none") continue;
      const retried = confirmation === "auto" && (event === "error" || event === "timeout");
      const backoff = { delay: () => 100 };
      const now = word(decided({ confirmation, retry: { attempts: 3, backoff } }, events[event]));
      expect([event, confirmation, now]).toEqual([event, confirmation, retried ? "retry 100" : expected]);
    }
  });
});

describe("mode explicit", () => {
  test.each([
    ["ack", "ack"],
    ["nack", "nack rejected"],
    ["reject", "reject"],
    ["none", "none"],
  ])("the returned %s is the outcome", (value, expected) => {
    expect(word(decided({ confirmation: "explicit" }, { kind: "success", value }))).toBe(expected);
  });

  test.each([[undefined], [null], ["ACK"], ["retry"], [true], [{}], [{ retryAfter: 5 }], [Symbol("x")]])(
    "any other returned value is an error that onError decides (%s)",
    (value) => {
      const seen: unknown[] = [];
      const onError = (error: unknown): "reject" => {
        seen.push(error);
        return "reject";
      };
      const decision = decided({ confirmation: "explicit", onError }, { kind: "success", value });
      expect(decision.action).toBe("reject");
      expect(seen[0]).toBeInstanceOf(InvalidOutcomeError);
      expect(decision.problem).toBe(seen[0]);
    },
  );

  test("without onError such a value leaves the message unsettled, and says so", () => {
    expect(word(decided({ confirmation: "explicit" }, { kind: "success", value: "yes" }))).toBe("none !");
  });
});

describe("onError", () => {
  test.each([
    ["ack", "ack"],
    ["nack", "nack error"],
    ["reject", "reject"],
    [{ retryAfter: "30s" }, "retry 30000"],
    [{ retryAfter: 0 }, "retry 0"],
  ] as const)("%j is taken, as a value and from a function, in every mode that has it", (onError, expected) => {
    for (const confirmation of ["auto", "manual", "explicit"] as const) {
      expect(word(decided({ confirmation, onError }, events.error))).toBe(expected);
      expect(word(decided({ confirmation, onError: () => onError }, events.error))).toBe(expected);
    }
  });

  test("none is allowed where messages are settled by hand and an invalid choice where they are not", () => {
    expect(word(decided({ confirmation: "manual", onError: () => "none" }, events.error))).toBe("none");
    expect(word(decided({ confirmation: "explicit", onError: "none" }, events.error))).toBe("none");
    expect(word(decided({ onError: () => "none" }, events.error))).toBe("nack error !");
  });

  test("it gets the error and the message", () => {
    const seen: unknown[] = [];
    decided(
      {
        onError: (...given) => {
          seen.push(...given);
          return "ack";
        },
      },
      events.error,
    );
    expect(seen).toEqual([failure, message]);
  });

  test("it is not asked where the mode has no use for it", () => {
    const onError = (): never => {
      throw new Error("asked");
    };
    for (const confirmation of ["alwaysAck", "ackFirst"] as const) {
      expect(decided({ confirmation, onError }, events.error).problem).toBeUndefined();
    }
    expect(decided({ onError }, events.invalid).problem).toBeUndefined();
    expect(decided({ onError }, events.timeout).problem).toBeUndefined();
  });

  test.each([
    ["nothing", () => undefined],
    ["a word that is none", () => "ok"],
    ["retry without a policy", () => "retry"],
    ["a number", () => 5],
    ["null", () => null],
    ["an object", () => ({})],
    ["a promise", () => Promise.resolve("ack")],
    ["a duration that is none", () => ({ retryAfter: "soon" })],
    ["a duration without end", () => ({ retryAfter: Number.POSITIVE_INFINITY })],
  ])("a function that returns %s dead-letters the message, and says so", (_, onError) => {
    for (const confirmation of ["auto", "manual", "explicit"] as const) {
      const decision = decided({ confirmation, onError: onError as () => "ack" }, events.error);
      expect(word(decision)).toBe("nack error !");
      expect(decision.problem).toBeInstanceOf(InvalidOutcomeError);
      expect(decision.error).toBe(failure);
    }
  });

  test("a function that throws dead-letters the message with the error of the handler", () => {
    const problem = new TypeError("typo");
    const onError = (): never => {
      throw problem;
    };
    expect(decided({ onError }, events.error)).toMatchObject({
      action: "nack",
      code: "error",
      error: failure,
      problem,
    });
  });

  test("an async function that rejects does not end the process with an unhandled rejection", async () => {
    const unhandled: unknown[] = [];
    const listener = (error: unknown): void => void unhandled.push(error);
    const others = process.listeners("unhandledRejection");
    process.removeAllListeners("unhandledRejection");
    process.on("unhandledRejection", listener);
    try {
      const rejects = (async () => {
        throw new Error("async callback");
      }) as unknown as () => "ack";
      expect(word(decided({ onError: rejects }, events.error))).toBe("nack error !");
      expect(word(decided({ onInvalid: rejects }, events.invalid))).toBe("nack invalid !");
      decided({ retry: { attempts: 3, retryIf: rejects as unknown as () => boolean } }, events.error);
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(unhandled).toEqual([]);
    } finally {
      process.off("unhandledRejection", listener);
      for (const other of others) process.on("unhandledRejection", other as NodeJS.UnhandledRejectionListener);
    }
  });

  test("retry follows the policy until its attempts are used up", () => {
    const given = { onError: "retry", retry: { attempts: 3, backoff: { delay: (n: number) => n * 10 } } } as const;
    expect(word(decided(given, events.error, 1))).toBe("retry 10");
    expect(word(decided(given, events.error, 2))).toBe("retry 20");
    expect(word(decided(given, events.error, 3))).toBe("nack error");
  });

  test("retryAfter counts as a failed attempt of the policy", () => {
    const given = { onError: { retryAfter: "1s" }, retry: fixedRetry } as const;
    expect(word(decided(given, events.error, 2))).toBe("retry 1000");
    expect(word(decided(given, events.error, 3))).toBe("nack error");
  });

  test("without a policy retryAfter is bounded by the delivery limit only", () => {
    expect(word(decided({ onError: { retryAfter: "1s" } }, events.error, 1000))).toBe("retry 1000");
  });
});

describe("retry", () => {
  test("attempts count the first run, too", () => {
    expect(word(decided({ retry: 1 }, events.error))).toBe("nack error");
  });

  test("the last allowed attempt dead-letters and every earlier one comes again", () => {
    for (let attempt = 1; attempt < 5; attempt += 1) {
      expect(decided({ retry: 5 }, events.error, attempt)).toMatchObject({ action: "retry", attempted: true });
    }
    expect(word(decided({ retry: 5 }, events.error, 5))).toBe("nack error");
    expect(word(decided({ retry: Number.POSITIVE_INFINITY }, events.error, 99_999))).toBe("retry 300000");
  });

  test("retryIf decides by error and attempt, and a throwing one dead-letters", () => {
    const seen: unknown[] = [];
    const retryIf = (error: unknown, attempt: number): boolean => {
      seen.push([error, attempt]);
      return false;
    };
    expect(word(decided({ retry: { retryIf } }, events.error, 2))).toBe("nack error");
    expect(seen).toEqual([[failure, 2]]);
    const throwing = (): never => {
      throw new Error("typo");
    };
    expect(word(decided({ retry: { retryIf: throwing } }, events.error))).toBe("nack error !");
  });

  test("a backoff that throws or gives no time dead-letters instead of looping", () => {
    const delay = (): never => {
      throw new Error("typo");
    };
    expect(word(decided({ retry: { backoff: { delay } } }, events.error))).toBe("nack error !");
    expect(word(decided({ retry: { backoff: { delay: () => Number.NaN } } }, events.error))).toBe("nack error !");
    expect(word(decided({ retry: { backoff: { delay: () => Number.POSITIVE_INFINITY } } }, events.error))).toBe(
      "nack error !",
    );
    expect(word(decided({ retry: { backoff: { delay: () => -5 } } }, events.error))).toBe("retry 0");
  });

  test("NonRetryableError ends the attempts at once, in either way of asking for a retry", () => {
    const event: RunEvent = { kind: "error", error: new NonRetryableError("gone") };
    expect(word(decided({ retry: 5 }, event))).toBe("nack error");
    expect(word(decided({ retry: 5, onError: "retry" }, event))).toBe("nack error");
    expect(word(decided({ retry: 5, onError: () => "retry" }, event))).toBe("nack error");
  });

  test("RetryAfterError names the delay itself, with or without a policy, and never passes the limit of attempts", () => {
    const event: RunEvent = { kind: "error", error: new RetryAfterError("30s") };
    expect(word(decided({}, event))).toBe("retry 30000");
    expect(word(decided({ retry: fixedRetry }, event, 2))).toBe("retry 30000");
    expect(word(decided({ retry: fixedRetry }, event, 3))).toBe("nack error");
    expect(word(decided({ onError: "retry" }, event))).toBe("retry 30000");
    expect(word(decided({ retry: { ...fixedRetry, retryIf: () => false } }, event))).toBe("nack error");
  });

  test("RetryAfterError does not override an onError that says otherwise, nor settle by itself in manual modes", () => {
    const event: RunEvent = { kind: "error", error: new RetryAfterError("30s") };
    expect(word(decided({ onError: "nack" }, event))).toBe("nack error");
    expect(word(decided({ confirmation: "manual" }, event))).toBe("none");
    expect(word(decided({ confirmation: "alwaysAck" }, event))).toBe("ack");
  });

  test("the default backoff is exponential from a second to five minutes with a quarter of jitter", () => {
    const delays = [1, 2, 3, 9, 20].map((attempt) => decided({ retry: 30 }, events.error, attempt).delay);
    expect(delays).toEqual([1000, 2000, 4000, 256_000, 300_000]);
    expect(decided({ retry: 5 }, events.error, 1, 0).delay).toBe(750);
    expect(decided({ retry: 5 }, events.error, 1, 0.999).delay).toBeCloseTo(1250, -1);
  });
});

describe("onInvalid", () => {
  test.each([
    ["ack", "ack"],
    ["nack", "nack invalid"],
    ["reject", "reject"],
  ] as const)("%s is taken, as a value and from a function, in every mode but ackFirst", (onInvalid, expected) => {
    for (const confirmation of ["auto", "alwaysAck", "manual", "explicit"] as const) {
      expect(word(decided({ confirmation, onInvalid }, events.invalid))).toBe(expected);
      expect(word(decided({ confirmation, onInvalid: () => onInvalid }, events.invalid))).toBe(expected);
    }
    expect(word(decided({ confirmation: "ackFirst", onInvalid }, events.invalid))).toBe("none");
  });

  test.each([
    ["nothing", () => undefined],
    ["retry", () => "retry"],
    ["none", () => "none"],
    ["a promise", () => Promise.resolve("ack")],
    ["an object", () => ({ retryAfter: 1 })],
  ])("a function that returns %s dead-letters the message, and says so", (_, onInvalid) => {
    const decision = decided({ onInvalid: onInvalid as () => "ack" }, events.decode);
    expect(word(decision)).toBe("nack decode !");
    expect(decision.problem).toBeInstanceOf(InvalidOutcomeError);
  });

  test("a function that throws dead-letters the message with the original error", () => {
    const onInvalid = (): never => {
      throw new Error("typo");
    };
    expect(decided({ onInvalid }, events.invalid)).toMatchObject({ action: "nack", code: "invalid", error: invalid });
  });

  test("an invalid message is never tried again by the retry policy", () => {
    expect(word(decided({ retry: 5 }, events.invalid))).toBe("nack invalid");
    expect(word(decided({ retry: 5, onError: "retry" }, events.decode))).toBe("nack decode");
  });
});

describe("onTimeout", () => {
  test.each([
    ["ack", "ack"],
    ["nack", "nack timeout"],
    ["reject", "reject"],
  ] as const)("%s is taken, with and without a retry policy", (onTimeout, expected) => {
    for (const confirmation of ["auto", "manual", "explicit"] as const) {
      expect(word(decided({ confirmation, onTimeout }, events.timeout))).toBe(expected);
      expect(word(decided({ confirmation, onTimeout, retry: 5 }, events.timeout))).toBe(expected);
    }
  });

  test("retry makes a timeout a failed attempt and dead-letters after the last with the code timeout", () => {
    const given = { onTimeout: "retry", retry: { attempts: 2, backoff: { delay: () => 7 } } } as const;
    for (const confirmation of ["auto", "manual", "explicit"] as const) {
      expect(word(decided({ ...given, confirmation }, events.timeout, 1))).toBe("retry 7");
      expect(word(decided({ ...given, confirmation }, events.timeout, 2))).toBe("nack timeout");
    }
  });

  test("retry without a policy dead-letters, and says so", () => {
    expect(word(decided({ onTimeout: "retry" }, events.timeout))).toBe("nack timeout !");
  });

  test("retryIf sees the timeout", () => {
    const retryIf = (error: unknown): boolean => !(error instanceof ActorTimeoutError);
    expect(word(decided({ retry: { retryIf } }, events.timeout))).toBe("nack timeout");
  });
});

test("what is thrown need not be an error", () => {
  for (const error of [undefined, null, "text", 42, {}, Object.freeze({})]) {
    expect(decided({}, { kind: "error", error })).toMatchObject({ action: "nack", code: "error", error });
    expect(word(decided({ retry: 5 }, { kind: "error", error }))).toBe("retry 1000");
  }
});
