import type { Case } from "../case.ts";
import * as heap from "./heap.ts";
import * as latency from "./latency.ts";
import * as memory from "./memory.ts";
import { price } from "./prices.ts";
import { redisCases } from "./redis-cases.ts";
import * as sqlite from "./sqlite.ts";

/** Everything that can be run in a process of its own, by name. */
export const cases = {
  ...redisCases,
  "memory.ours": memory.ours,
  "memory.bare": memory.bare,
  "sqlite-send.ours": sqlite.oursSend,
  "sqlite-send.bare": sqlite.bareSend,
  "sqlite-send.bare-json": sqlite.bareSendJson,
  "sqlite-process.ours": sqlite.oursProcess,
  "sqlite-process.bare": sqlite.bareProcess,
  "sqlite-process.bare-json": sqlite.bareProcessJson,
  "heap-memory": heap.memory,
  "heap-sqlite": heap.sqlite,
  "latency-memory": latency.memory,
  "latency-sqlite.ours": latency.durable,
  "latency-sqlite.bare": latency.bare,
  "price-plain": price("plain"),
  "price-no-schema": price("noSchema"),
  "price-middleware": price("middleware"),
  "price-producer-middleware": price("producerMiddleware"),
  "price-app-dependency": price("appDependency"),
  "price-message-dependency": price("messageDependency"),
  "price-headers": price("headers"),
  "price-timeout": price("timeout"),
  "price-retry": price("retry"),
  "price-signal": price("signal"),
  "price-10kb": price("large"),
  "price-100kb": price("huge"),
} satisfies Record<string, Case>;

export type CaseName = keyof typeof cases;
