import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { purgeStatements, statsStatement } from "./channel-stats.ts";
import { deadLetterStatements } from "./dead-letters.ts";
import { migrate } from "./layout.ts";
import { prepareStatements, sql } from "./statements.ts";
import { sweepStatements } from "./sweep.ts";

let folder: string;
let db: DatabaseSync;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-sqlite-"));
  db = new DatabaseSync(join(folder, "jobs.db"));
  migrate(db, "jobs.db");
});

afterAll(() => {
  db.close();
  rmSync(folder, { recursive: true, force: true });
});

function plan(text: string): string[] {
  const statement = db.prepare(`EXPLAIN QUERY PLAN ${text}`);
  return statement.all().map((row) => String(row["detail"]));
}

const control = /^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|PRAGMA|INSERT)/;
const others = [
  ...Object.entries(deadLetterStatements),
  ...sweepStatements.map((text, i) => [`sweep ${i}`, text] as const),
  ...purgeStatements.map((text, i) => [`purge ${i}`, text] as const),
  ["stats", statsStatement] as const,
];
const statements = [...Object.entries(sql).filter(([, text]) => !control.test(text)), ...others];

describe("parameters", () => {
  const here = new URL("./", import.meta.url);
  const sources = readdirSync(here).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));

  // Node before 22.20 answers "column index out of range" to numbered ones bound by position.
  test.each(sources)("%s numbers none", (name) => {
    const code = readFileSync(new URL(name, here), "utf8").replace(/\/\*\*.*?\*\//gs, "");
    expect(code.match(/\?\d+/g)).toBeNull();
  });
});

describe("query plans", () => {
  test.each(statements)("%s never scans the messages", (_, text) => {
    expect(plan(text).filter((line) => /^SCAN (?!json_each|CONSTANT)/.test(line))).toEqual([]);
  });

  const indexed: readonly [keyof typeof sql, string][] = [
    ["next", "SEARCH millrace_message USING INDEX millrace_ready (channel=?)"],
    ["lapse", "SEARCH millrace_message USING COVERING INDEX millrace_leased (channel=? AND lease_until<?)"],
    ["promote", "SEARCH millrace_message USING COVERING INDEX millrace_delayed (channel=? AND due<?)"],
    ["expired", "SEARCH millrace_message USING INDEX millrace_expires (channel=? AND expires>? AND expires<?)"],
    ["remove", "SEARCH millrace_message USING INTEGER PRIMARY KEY (rowid=?)"],
  ];
  test.each(indexed)("%s uses its index", (name, line) => {
    expect(plan(sql[name])).toContain(line);
  });

  test("the claim takes its order from the index, without sorting", () => {
    expect(plan(sql.next).filter((line) => line.includes("TEMP B-TREE"))).toEqual([]);
  });

  test("a claim is as fast in a backlog of 300,000 as in one of 1000", { timeout: 60_000 }, () => {
    const { next, lease, remove } = prepareStatements(db);
    const fill = (count: number): void => {
      db.exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
        INSERT INTO millrace_message (state, token, lease_until, deliveries, lapses, priority, due, sent_at, id, channel,
          payload) SELECT 2, 1, 1, 0, 0, i % 100, i, i, 'm' || i, 'c', zeroblob(100) FROM n`);
    };
    const claims = (): number => {
      const times = Array.from({ length: 50 }, () => {
        const start = performance.now();
        db.exec("BEGIN");
        const rows = next.all("c", 10) as unknown as [number][];
        lease.run(7, 7, JSON.stringify(rows.map(([seq]) => seq)));
        for (const [seq] of rows) remove.run(seq, 7);
        db.exec("COMMIT");
        expect(rows).toHaveLength(10);
        return performance.now() - start;
      });
      return times.sort((a, b) => a - b)[25] as number;
    };
    db.exec("PRAGMA synchronous = OFF");
    fill(1000);
    const small = claims();
    fill(300_000);
    expect(claims()).toBeLessThan(small * 5 + 1);
  });
});
