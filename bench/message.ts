import * as z from "zod";

export { type Payload, payloadOf } from "./payload.ts";

/** Of the payloads; apart from them, so that what it is compared with need not load a schema library. */
export const payloadSchema = z.object({
  id: z.number(),
  name: z.string(),
  email: z.string(),
  active: z.boolean(),
  tags: z.array(z.string()),
});
