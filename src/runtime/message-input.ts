import type { RunnableMessage } from "../contract/actor-plan.ts";
import type { Decoder } from "../contract/content-type.ts";
import { type Awaitable, isPromise } from "../internal/awaitable.ts";
import { createHeaders, type MessageHeaders } from "../internal/headers.ts";
import { DecodeError, ValidationError } from "../server/errors.ts";
import { type AnySchema, type MaybeSchema, validate } from "../server/schema.ts";
import { correlationHeader } from "./correlation.ts";

/** Runs a step of reading the input and marks its failure as one of the input, not of the handler. */
function reading<T>(message: RunnableMessage, step: () => Awaitable<T>): Awaitable<T> {
  const mark = (error: unknown): never => {
    // A RangeError is the stack that a too deeply nested input has used up.
    const ofInput = error instanceof ValidationError || error instanceof DecodeError || error instanceof RangeError;
    if (ofInput) message.inputError = error;
    throw error;
  };
  let value: Awaitable<T>;
  try {
    value = step();
  } catch (error) {
    return mark(error);
  }
  return isPromise(value) ? Promise.resolve(value).catch(mark) : value;
}

export function readPayload(message: RunnableMessage, decoder: Decoder, maxBytes: number): unknown {
  try {
    const { payload } = message;
    if (payload.byteLength > maxBytes) {
      throw new DecodeError(
        `The payload has ${payload.byteLength} bytes, more than maxPayloadBytes (${maxBytes}) of the app.`,
      );
    }
    return decoder(payload, message.contentType);
  } catch (error) {
    message.inputError = error;
    throw error;
  }
}

export function validatePayload(message: RunnableMessage, schema: AnySchema, value: unknown): Awaitable<unknown> {
  try {
    const result = validate(schema, value, "payload");
    return isPromise(result) ? reading(message, () => result) : result;
  } catch (error) {
    message.inputError = error;
    throw error;
  }
}

/** Headers without those that were added to what was sent: a schema that allows no others was not asked about them. */
function ownHeaders(message: RunnableMessage): MessageHeaders {
  const view = createHeaders(message.headers);
  const { envelope } = message;
  if (envelope !== undefined) for (const name in message.headers) if (envelope.owns(name)) delete view[name];
  if (message.topicHeader !== false) delete view[message.topicHeader];
  if (message.replyTo !== undefined) delete view[correlationHeader];
  return view;
}

function lowerCased(headers: MessageHeaders): MessageHeaders {
  const view = createHeaders();
  for (const name in headers) view[name.toLowerCase()] ??= headers[name] as string;
  for (const name in headers) view[name] = headers[name] as string;
  return view;
}

/**
 * Headers by a schema: as received, then without those of millrace, then with lower-case names added, since a foreign
 * sender may have written `X-Tenant` where the schema says `x-tenant`. The first view that fits is taken; the error is
 * that of the first.
 */
export function readHeaders(message: RunnableMessage, schema: MaybeSchema): Awaitable<unknown> {
  const { headers } = message;
  if (schema === undefined) return headers;
  const views = [() => ownHeaders(message), () => lowerCased(headers)];
  const tryNext = (error: unknown): Awaitable<unknown> => {
    const view = views.shift();
    if (view === undefined || !(error instanceof ValidationError)) throw error;
    const again = (): Awaitable<unknown> => tryNext(error);
    try {
      const result = validate(schema, view(), "headers");
      return isPromise(result) ? Promise.resolve(result).catch(again) : result;
    } catch {
      return again();
    }
  };
  return reading(message, () => {
    try {
      const result = validate(schema, headers, "headers");
      return isPromise(result) ? Promise.resolve(result).catch(tryNext) : result;
    } catch (error) {
      return tryNext(error);
    }
  });
}
