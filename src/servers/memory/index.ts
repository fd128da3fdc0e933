export type { MemoryFeatures } from "./features.ts";
export { type InMemoryParams, type InMemoryServer, inMemory } from "./memory.ts";
export type { InMemoryOptions } from "./options.ts";
