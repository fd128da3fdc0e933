import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Delivery, OutgoingMessage } from "../../server/delivery.ts";
import type { PublishOptions } from "../../server/server.ts";
import { type SqliteServer, sqlite } from "./index.ts";

let folder: string;
let path: string;
let server: SqliteServer;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "millrace-sqlite-"));
  path = join(folder, "jobs.db");
  server = sqlite({ path });
  await server.connect();
});

afterEach(async () => {
  await server.disconnect();
  rmSync(folder, { recursive: true, force: true });
});

function message(id: string, parts: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return { id, payload: Buffer.from(id), headers: {}, contentType: undefined, replyTo: undefined, ...parts };
}

async function consume(count: number): Promise<Delivery[]> {
  const deliveries: Delivery[] = [];
  await server.subscribe({
    channels: [{ name: "c" }],
    maxUnsettled: 500,
    onDelivery: (delivery) => deliveries.push(delivery),
    onStateChange: () => {},
  });
  await vi.waitFor(() => expect(deliveries).toHaveLength(count));
  return deliveries;
}

/** Looks into the file while it is in use. */
function query(text: string): Record<string, unknown>[] {
  const db = new DatabaseSync(path);
  try {
    return db.prepare(text).all();
  } finally {
    db.close();
  }
}

describe("messages that share a statement", () => {
  test("of many that go to one statement, those that fail fail alone, and places and numbers stay in order", async () => {
    query(
      "CREATE TRIGGER no BEFORE INSERT ON millrace_message WHEN NEW.id = 'm70' BEGIN SELECT RAISE(ABORT, 'no'); END",
    );
    const messages = Array.from({ length: 200 }, (_, i) =>
      message(`m${i}`, {
        // A new kind now and then, so that there are statements of all sizes; and different headers.
        contentType: i % 90 > 85 ? "text/plain" : undefined,
        headers: i % 3 === 0 ? {} : { n: `${i % 2}` },
        ...(i === 150 ? { id: undefined as unknown as string } : {}),
      }),
    );
    const results = (await server.publishBatch?.("c", messages)) ?? [];
    const failed = results.flatMap((result, i) => (result instanceof Error ? [i] : []));
    expect(failed).toEqual([70, 150]);
    expect(results[70]).toMatchObject({ code: "PUBLISH_FAILED", outcome: "failed" });
    const rows = query("SELECT * FROM millrace_message ORDER BY seq");
    const stored = messages.filter((_, i) => !failed.includes(i));
    expect(rows).toMatchObject(
      stored.map(({ id, payload, headers, contentType }) => ({
        id,
        payload: Uint8Array.from(payload),
        headers: "n" in headers ? JSON.stringify(headers) : null,
        content_type: contentType ?? null,
      })),
    );
    const receipts = results.filter((result) => !(result instanceof Error));
    expect(receipts).toEqual(rows.map(({ id, seq }) => ({ id, brokerId: String(seq) })));
    const deliveries = await consume(198);
    expect(deliveries.map(({ id }) => id)).toEqual(stored.map(({ id }) => id));
    expect(deliveries.map(({ headers }) => ({ ...headers }))).toEqual(stored.map(({ headers }) => headers));
  });

  test("messages of different options and channels may be sent at once", async () => {
    const kinds = [{}, { priority: 90 }, { delay: 60_000 }, { expiresIn: 60_000 }, { priority: 90 }];
    await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        server.publish(i < 50 ? "c" : "d", message(`m${i}`), kinds[Math.floor(i / 10) % 5]),
      ),
    );
    const rows = query(
      "SELECT channel, priority, state, due - sent_at AS delay, expires - sent_at AS life, id FROM millrace_message ORDER BY seq",
    );
    expect(rows).toEqual(
      Array.from({ length: 100 }, (_, i) => {
        const { priority = 10, delay = 0, expiresIn = null } = { ...(kinds[Math.floor(i / 10) % 5] as PublishOptions) };
        return { channel: i < 50 ? "c" : "d", priority, state: delay > 0 ? 4 : 2, delay, life: expiresIn, id: `m${i}` };
      }),
    );
  });
});
