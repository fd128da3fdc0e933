export type { RedisFeatures } from "./features.ts";
export type { RedisListFeatures } from "./list/features.ts";
export type { ListFrame, ListItem } from "./list/frame.ts";
export { type RedisListServer, redisList } from "./list/list.ts";
export type { RedisListOptions } from "./list/options.ts";
export type {
  RedisClientLike,
  RedisClientSettings,
  RedisClusterOptions,
  RedisNode,
  RedisOptions,
  RedisSentinelOptions,
} from "./options.ts";
export type { RedisParams } from "./publisher.ts";
export { type RedisServer, redis } from "./redis.ts";
