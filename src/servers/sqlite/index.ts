export type { SqliteFeatures } from "./features.ts";
export type { SqliteOptions } from "./options.ts";
export { type SqliteServer, sqlite } from "./server.ts";
