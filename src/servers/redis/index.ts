export type { RedisFeatures } from "./features.ts";
export type {
  RedisClientLike,
  RedisClusterOptions,
  RedisNode,
  RedisOptions,
  RedisSentinelOptions,
} from "./options.ts";
export type { RedisParams } from "./publisher.ts";
export { type RedisServer, redis } from "./redis.ts";
