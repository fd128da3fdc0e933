import { defineConfig } from "vitest/config";
import { sources } from "./vitest.config.ts";

/** The slow tier: repeats, restarts, several processes. Not part of `npm test`. */
export default defineConfig({
  resolve: { alias: sources },
  test: {
    include: ["test/stress/**/*.test.ts"],
    globalSetup: ["dev/vitest-setup.ts"],
    pool: "forks",
    // Stress tests measure time and load the machine themselves: one file at a time.
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 60_000,
    passWithNoTests: true,
  },
});
