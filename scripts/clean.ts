import { rmSync } from "node:fs";

// `rm -rf` does not exist on Windows; this does, and it needs no dependency.
for (const path of process.argv.slice(2)) {
  rmSync(path, { recursive: true, force: true });
}
