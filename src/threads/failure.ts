import { brand } from "../server/errors.ts";

/**
 * What a task threw, as data. Structured clone alone loses `code`, own fields and every name that is not built in; the
 * channel of a process loses the cause, too.
 */
export type Failure = { readonly error: ErrorRecord } | { readonly thrown: unknown };

interface ErrorRecord {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** The brand of millrace's own errors, so that `NonRetryableError` and its like mean here what they mean there. */
  readonly brand: readonly string[] | undefined;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly cause?: Failure;
  readonly errors?: readonly Failure[];
}

const own = new Set(["name", "message", "stack", "cause", "errors"]);
const builtIn = { Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError } as const;

/** `undefined` in a box, because `undefined` is a value that can be cloned. */
function copy(value: unknown): { readonly value: unknown } | undefined {
  if (value === null || (typeof value !== "object" && typeof value !== "function" && typeof value !== "symbol")) {
    return { value };
  }
  try {
    return { value: structuredClone(value) };
  } catch {
    return undefined;
  }
}

export function toFailure(thrown: unknown, seen: Set<unknown> = new Set()): Failure {
  if (!(thrown instanceof Error)) return { thrown: (copy(thrown) ?? { value: describe(thrown) }).value };
  if (seen.has(thrown)) return { thrown: "[circular]" };
  seen.add(thrown);
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(thrown)) {
    const copied = own.has(name) ? undefined : copy(value);
    if (copied !== undefined) fields[name] = copied.value;
  }
  const { code } = thrown as { readonly code?: unknown };
  if (typeof code === "string" || typeof code === "number") fields["code"] = code;
  const branded = (thrown as { readonly [brand]?: unknown })[brand];
  const errors = thrown instanceof AggregateError ? thrown.errors.map((error) => toFailure(error, seen)) : undefined;
  return {
    error: {
      name: String(thrown.name),
      message: String(thrown.message),
      stack: thrown.stack,
      brand: Array.isArray(branded) ? branded.map(String) : undefined,
      fields,
      ...(thrown.cause === undefined ? {} : { cause: toFailure(thrown.cause, seen) }),
      ...(errors === undefined ? {} : { errors }),
    },
  };
}

function describe(value: unknown): string {
  try {
    return String(value);
  } catch {
    return typeof value;
  }
}

/** The thrown value again: an error of the built-in class of its name where there is one, otherwise an `Error`. */
export function fromFailure(failure: Failure): unknown {
  if (!("error" in failure)) return failure.thrown;
  const { error: record } = failure;
  const options = record.cause === undefined ? undefined : { cause: fromFailure(record.cause) };
  const error =
    record.errors === undefined
      ? new (builtInClass(record.name))(record.message, options)
      : new AggregateError(record.errors.map(fromFailure), record.message, options);
  for (const [name, value] of Object.entries(record.fields)) define(error, name, value, true);
  if (error.name !== record.name) define(error, "name", record.name, false);
  if (record.brand !== undefined) define(error, brand, record.brand, false);
  define(error, "stack", record.stack, false);
  return error;
}

function builtInClass(name: string): ErrorConstructor {
  return Object.hasOwn(builtIn, name) ? builtIn[name as keyof typeof builtIn] : Error;
}

/** Never assigns: a field called `__proto__` must not become the prototype. */
function define(error: Error, name: string | symbol, value: unknown, enumerable: boolean): void {
  Object.defineProperty(error, name, { value, enumerable, configurable: true, writable: true });
}
