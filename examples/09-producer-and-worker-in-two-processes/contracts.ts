import { defineOperation } from "millrace";
import * as z from "zod";

/** What both sides agree on. A plain value: importing it opens nothing and pulls in no worker. */
export const resize = defineOperation({
  name: "resize",
  channel: "images",
  payload: z.object({ path: z.string(), width: z.int().positive() }),
});

/** The broker that both sides use. Here it is a file; with others it would be a URL. */
export const path = process.env["JOBS"] ?? "jobs.db";
