import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { brotliDecompress, gzip } from "node:zlib";

/** Something that is served: its bytes, made when they are first asked for, and kept. */
export interface Resource {
  readonly type: string;
  /** Content security policy, for what a browser shows. */
  readonly policy?: string;
  /** The bytes in that encoding. */
  bytes(encoding: Encoding): Promise<Buffer>;
  /** Changes with the bytes; one per encoding, as it must be. */
  etag(encoding: Encoding): Promise<string>;
  readonly encodings: readonly Encoding[];
}

export type Encoding = "identity" | "gzip" | "br";

const compress = promisify(gzip);
const decompress = promisify(brotliDecompress);

/** Calls once and keeps the result; after an error it calls again. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

interface ResourceOptions {
  readonly type: string;
  readonly policy?: string;
  /** What `make` returns. Default `identity`. */
  readonly encoded?: "identity" | "br";
}

export function createResource(options: ResourceOptions, make: () => Promise<Buffer> | Buffer): Resource {
  const { encoded = "identity", ...rest } = options;
  const source = once(async () => make());
  const identity = encoded === "identity" ? source : once(async () => decompress(await source()));
  const forms: Partial<Record<Encoding, () => Promise<Buffer>>> = {
    identity,
    gzip: once(async () => compress(await identity())),
    ...(encoded === "br" ? { br: source } : {}),
  };
  const tag = once(async () =>
    createHash("sha256")
      .update(await source())
      .digest("base64url")
      .slice(0, 22),
  );
  return {
    ...rest,
    encodings: encoded === "br" ? ["br", "gzip", "identity"] : ["gzip", "identity"],
    bytes: (encoding) => (forms[encoding] ?? identity)(),
    async etag(encoding) {
      return `"${await tag()}${encoding === "identity" ? "" : `-${encoding}`}"`;
    },
  };
}

/** The first of ours that an `Accept-Encoding` header allows. */
export function chooseEncoding(header: string | null | undefined, ours: readonly Encoding[]): Encoding {
  const accepted = new Map(
    (header ?? "").split(",").map((part) => {
      const [name = "", ...parameters] = part.trim().toLowerCase().split(";");
      const quality = parameters.map((one) => /^\s*q=([\d.]+)\s*$/.exec(one)?.[1]).find((one) => one !== undefined);
      return [name.trim(), quality === undefined ? 1 : Number(quality)] as const;
    }),
  );
  const isAccepted = (name: string): boolean => (accepted.get(name) ?? accepted.get("*") ?? 0) > 0;
  return ours.find((one) => one === "identity" || isAccepted(one)) ?? "identity";
}

/** Whether an `If-None-Match` header names that tag. */
export function matchesTag(header: string | null | undefined, etag: string): boolean {
  if (header === null || header === undefined) return false;
  return header.trim() === "*" || header.split(",").some((one) => one.trim().replace(/^W\//, "") === etag);
}
