import type { SettledOutcome } from "../contract/message.ts";
import type { ActorMiddleware, ProducerMiddleware } from "../contract/middleware.ts";
import type { Router } from "../contract/router.ts";
import { createRouter } from "../contract/router.ts";
import type { LogFields, Logger } from "../server/logger.ts";
import { nameOf, type ProcessedMessage, parseJson, type RecordFilter, type SentMessage } from "./record.ts";

/** A log event of the app, with its level. */
export interface RecordedEvent extends LogFields {
  readonly level: "debug" | "info" | "warn" | "error";
}

/** Keeps what happened, in order. */
export interface Recorder {
  readonly sent: SentMessage[];
  readonly processed: ProcessedMessage[];
  readonly events: RecordedEvent[];
  readonly logger: Logger;
  readonly producer: ProducerMiddleware;
  /** The app's actors inside a router that records every run. */
  wrap(root: Router<boolean>): Router<boolean>;
  filterSent(filter: RecordFilter | undefined): SentMessage[];
  filterProcessed(filter: RecordFilter | undefined): ProcessedMessage[];
  clear(): void;
}

export function createRecorder(outer: Logger): Recorder {
  const sent: SentMessage[] = [];
  const processed: ProcessedMessage[] = [];
  const events: RecordedEvent[] = [];

  const log = (level: RecordedEvent["level"]) => (fields: LogFields, message?: string) => {
    events.push({ ...fields, level });
    outer[level](fields, message);
  };

  const producer: ProducerMiddleware = async function recordSent(
    { server, channel, message, options, operation },
    next,
  ) {
    const result = await next();
    const { id, payload, headers, contentType, replyTo } = message;
    const json = (): unknown => parseJson(payload);
    sent.push({ id, server, channel, operation, payload, headers, contentType, replyTo, options, json });
    return result;
  };

  const record: ActorMiddleware = async function recordRun({ message, actor }, next) {
    const { id, server, channel, payload, headers, attempt, deliveries } = message;
    const json = (): unknown => parseJson(payload);
    const run = { id, server, channel, actor: actor.name, payload, headers, attempt, deliveries, json };
    let result: unknown;
    let error: unknown;
    let ended = false;
    let settled: { readonly outcome: SettledOutcome | undefined } | undefined;
    // Whichever comes last: a handler may settle early and go on, and a settlement takes its time.
    const finish = (): void => {
      if (ended && settled !== undefined) processed.push({ ...run, result, error, outcome: settled.outcome });
    };
    message.afterSettle((outcome) => {
      settled = { outcome };
      finish();
    });
    try {
      result = await next();
      return result;
    } catch (thrown) {
      error = thrown;
      throw thrown;
    } finally {
      ended = true;
      finish();
    }
  };

  const fits = (filter: RecordFilter | undefined, channel: string, name: string | undefined): boolean =>
    (filter?.channel === undefined || filter.channel === channel) &&
    (filter?.operation === undefined || nameOf(filter.operation) === name);

  return {
    sent,
    processed,
    events,
    logger: {
      debug: log("debug"),
      info: log("info"),
      warn: log("warn"),
      error: log("error"),
      isLevelEnabled: () => true,
    },
    producer,
    wrap: (root) => createRouter({ middleware: [record] }).include(root),
    filterSent: (filter) => sent.filter((one) => fits(filter, one.channel, one.operation)),
    filterProcessed: (filter) => processed.filter((one) => fits(filter, one.channel, one.actor)),
    clear() {
      sent.length = 0;
      processed.length = 0;
      events.length = 0;
    },
  };
}
