import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApp } from "millrace";
import { runSuite, type ServerTarget, serverSuite } from "millrace/conformance";
import { features } from "./features.ts";
import { folder } from "./folder.ts";

// A server of one's own: a queue in a folder. First an app uses it, then the suite says whether it keeps its promises.

const root = await mkdtemp(join(tmpdir(), "folder-queue-"));
const app = createApp({ server: folder({ path: join(root, "app") }), logger: false });
const greet = app.actor({ name: "greet" }, ({ payload }) => console.log("hello", payload));
await app.send(greet, "folder");
await app.run({ messagesLimit: 1 });

const target: ServerTarget = {
  name: "folder",
  features,
  create: ({ namespace }) => folder({ path: join(root, namespace) }),
  supportsSecondConnection: true, // Another object, in another process, too, finds the same files.
  channel: (name) => name,
};
const results = await runSuite(serverSuite(target), { parallel: 60 });
const failed = results.filter(({ status }) => status === "failed");
for (const { case: one, error } of failed) console.log(`failed: ${one.name}\n${error}`);
const passed = results.filter(({ status }) => status === "passed").length;
console.log(
  failed.length === 0 && passed > 50 ? "the suite: passed" : `the suite: ${failed.length} failed, ${passed} passed`,
);
await rm(root, { recursive: true });
