import type { RunnableMessage } from "../contract/actor-plan.ts";
import type { Decoder } from "../contract/content-type.ts";
import { type Awaitable, isPromise } from "../internal/awaitable.ts";
import { createHeaders, type MessageHeaders } from "../internal/headers.ts";
import { DecodeError, ValidationError } from "../server/errors.ts";
import { type AnySchema, type MaybeSchema, validate } from "../server/schema.ts";

/** Runs a step of reading the input and marks its failure as one of the input, not of the handler. */
function reading<T>(message: RunnableMessage, step: () => Awaitable<T>): Awaitable<T> {
  const mark = (error: unknown): never => {
    if (error instanceof ValidationError || error instanceof DecodeError) message.inputError = error;
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

function lowerCased(headers: MessageHeaders): MessageHeaders {
  const view = createHeaders();
  for (const name in headers) view[name.toLowerCase()] ??= headers[name] as string;
  for (const name in headers) view[name] = headers[name] as string;
  return view;
}

/**
 * Headers by a schema. A foreign sender may have written `X-Tenant` where the schema says `x-tenant`: what does not fit
 * as received is tried once more with lower-case names added.
 */
export function readHeaders(message: RunnableMessage, schema: MaybeSchema): Awaitable<unknown> {
  const { headers } = message;
  if (schema === undefined) return headers;
  return reading(message, () => {
    let result: Awaitable<unknown>;
    try {
      result = validate(schema, headers, "headers");
    } catch (error) {
      return retryLowerCased(schema, headers, error);
    }
    if (!isPromise(result)) return result;
    return Promise.resolve(result).catch((error: unknown) => retryLowerCased(schema, headers, error));
  });
}

function retryLowerCased(schema: AnySchema, headers: MessageHeaders, error: unknown): Awaitable<unknown> {
  if (!Object.keys(headers).some((name) => name !== name.toLowerCase())) throw error;
  return validate(schema, lowerCased(headers), "headers");
}
