import { existsSync } from "node:fs";
import type { SideName } from "./side.ts";

const packages: Readonly<Partial<Record<SideName, string>>> = { bullmq: "bullmq", bee: "bee-queue" };

/** In a folder of their own with a lock file of its own: `npm ci` of the package does not install them. */
export const installPeers = "npm ci --prefix bench/peers";

/** Sides that cannot be measured here. */
export function missingPeers(): ReadonlySet<string> {
  const missing = Object.entries(packages).filter(([, name]) => {
    return !existsSync(new URL(`../peers/node_modules/${name}/package.json`, import.meta.url));
  });
  return new Set(missing.map(([side]) => side));
}
