import { DecodeError } from "../server/errors.ts";
import { readBinary } from "./binary.ts";
import type { Event, Wrapped } from "./event.ts";
import type { Settings } from "./options.ts";
import { readStructured } from "./structured.ts";

/** Takes a message apart; `undefined`: it is none and may pass. Errors: `DecodeError`. */
export function readEvent(message: Wrapped, settings: Settings): Event | undefined {
  const event = readStructured(message) ?? readBinary(message, settings);
  if (event === undefined && settings.plain === "refuse") {
    throw new DecodeError('The message is no CloudEvent. Let such messages pass with the option plain: "pass".');
  }
  return event;
}
