import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { appSuite, defineTests, type ServerTarget, serverSuite } from "millrace/conformance";
import { afterAll, describe, it } from "vitest";
import { features } from "../examples/10-your-own-server/features.ts";
import { folder } from "../examples/10-your-own-server/folder.ts";

// The example of a server of one's own keeps all promises, those for apps, too; the example itself runs half of this.

const root = await mkdtemp(join(tmpdir(), "millrace-folder-"));
afterAll(() => rm(root, { recursive: true, force: true }));

const target: ServerTarget = {
  name: "folder",
  features,
  create: ({ namespace }) => folder({ path: join(root, namespace) }),
  supportsSecondConnection: true,
  channel: (name) => name,
};

describe.concurrent("a folder", () => {
  defineTests([...serverSuite(target), ...appSuite(target)], { describe, it });
});
