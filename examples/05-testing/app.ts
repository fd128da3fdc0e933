import { createApp, defineDependency } from "millrace";
import { sqlite } from "millrace/sqlite";
import * as z from "zod";

/** What the application itself looks like; the test in main.ts uses it unchanged. */
export const app = createApp({ server: sqlite({ path: "trials.db" }) });

export const mailer = defineDependency({
  scope: "app",
  resolve: () => ({
    send: (to: string, text: string): Promise<void> => Promise.reject(new Error(`no mail: ${to}, ${text}`)),
  }),
});

export const remind = app.actor(
  { name: "remind", payload: z.object({ email: z.string() }), deps: { mailer }, retry: { attempts: 3, backoff: "1h" } },
  ({ payload, deps }) => deps.mailer.send(payload.email, "your trial ends tomorrow"),
);

export const signUp = app.actor(
  { name: "signUp", payload: z.object({ email: z.string() }) },
  async ({ payload, send }) => {
    await send(remind, { email: payload.email }, { delay: "13d" });
  },
);
