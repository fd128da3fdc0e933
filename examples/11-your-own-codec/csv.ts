import { type Codec, EncodeError } from "millrace";

// One row of named columns as CSV (RFC 4180): a line of names, a line of values. All values are texts, so the schema says
// which are numbers: z.coerce.number().

function cell(name: string, value: unknown): string {
  if (!["string", "number", "boolean"].includes(typeof value)) {
    throw new EncodeError(`Cannot encode ${name} as CSV: it is no text, number or boolean.`, name);
  }
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function lines(text: string): string[][] {
  const rows: string[][] = [[]];
  const cells = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y;
  for (let match = cells.exec(text); match !== null; match = cells.exec(text)) {
    rows.at(-1)?.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] === "") return rows;
    if (match[3] !== ",") rows.push([]);
  }
  throw new SyntaxError("there is a quotation mark in the middle of a value");
}

export const csvCodec: Codec = {
  contentType: "text/csv",
  accepts: (mediaType) => mediaType === "text/csv",
  encode(value) {
    if (typeof value !== "object" || value === null) throw new EncodeError("Only an object can be a row of CSV.", "");
    const entries = Object.entries(value).filter(([, one]) => one !== undefined);
    const names = entries.map(([name]) => cell(name, name)).join(",");
    return Buffer.from(`${names}\r\n${entries.map(([name, one]) => cell(name, one)).join(",")}\r\n`);
  },
  decode(payload) {
    // What is thrown here makes the message a dead letter with the reason "decode".
    const [names = [], values = [], ...rest] = lines(new TextDecoder("utf-8", { fatal: true }).decode(payload));
    if (values.length !== names.length) throw new SyntaxError(`${names.length} names, ${values.length} values`);
    if (rest.some((row) => row.length > 1 || row[0] !== "")) throw new SyntaxError("there is more than one row");
    return Object.fromEntries(names.map((name, index) => [name, values[index]]));
  },
};
