import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string): string => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

/**
 * Tests import the package by its public names and get the sources, as the `paths` of tsconfig.json do for the compiler.
 * `scripts/package-check.ts` is the one that tests the built package.
 */
export const sources = [
  { find: /^millrace$/, replacement: source("index.ts") },
  { find: /^millrace\/(memory|redis|sqlite)$/, replacement: source("servers/$1/index.ts") },
  {
    find: /^millrace\/(testing|cloudevents|conformance|threads|json-schema|asyncapi)$/,
    replacement: source("$1/index.ts"),
  },
];

export default defineConfig({
  resolve: { alias: sources },
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    exclude: ["test/stress/**", "test/chaos/**", "node_modules/**", "dist/**"],
    globalSetup: ["dev/vitest-setup.ts"],
    pool: "forks",
    testTimeout: 15_000,
    hookTimeout: 30_000,
  },
});
