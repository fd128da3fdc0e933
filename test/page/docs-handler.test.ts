import { createServer, type RequestListener, request } from "node:http";
import type { AddressInfo } from "node:net";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { afterEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { compressReact } from "../../scripts/copy-react.ts";
import { createDocsHandler } from "../../src/http/docs-handler.ts";
import type { DocsHandlerOptions } from "../../src/http/docs-options.ts";
import { silentLogger } from "../../src/server/logger.ts";
import { everything } from "./everything.ts";

const handler = (options?: DocsHandlerOptions, document = () => everything) =>
  createDocsHandler({ document, logger: silentLogger, reactFolder: compressReact() }, options);

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => void server.close().closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Plain HTTP: no redirects, no decompression, any headers. */
function get(url: string, headers: Readonly<Record<string, string>> = {}, method = "GET"): Promise<Got> {
  return new Promise((resolve, reject) => {
    request(url, { method, headers, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers as Readonly<Record<string, string>>,
          body: Buffer.concat(parts),
        }),
      );
    })
      .on("error", reject)
      .end();
  });
}

const strict = /^default-src 'none'; script-src 'self'; style-src 'self'; (?!.*unsafe)/;

describe("files of the documentation", () => {
  test("the page, the document as JSON and as YAML, style and script", async () => {
    const url = await serve(handler().listener);
    const page = await get(`${url}/`);
    expect(page.status).toBe(200);
    expect(page.headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(page.headers["content-security-policy"]).toMatch(strict);
    expect(page.headers["x-content-type-options"]).toBe("nosniff");
    expect(page.body.toString()).toContain("Place an order");
    expect(JSON.parse((await get(`${url}/asyncapi.json`)).body.toString())).toEqual(everything);
    const yaml = await get(`${url}/asyncapi.yaml`);
    expect(yaml.headers["content-type"]).toBe("application/yaml; charset=utf-8");
    expect(yaml.body.toString()).toMatch(/^asyncapi: 3\.1\.0\n/);
    expect(parse(yaml.body.toString())).toEqual(everything);
    for (const name of ["page.css", "page.js"]) expect((await get(`${url}/${name}?v=1`)).status).toBe(200);
  });

  test("lengths are those of bytes, for any script", async () => {
    const title = "Заказы 注文 🛒";
    const url = await serve(handler({}, () => ({ ...everything, info: { title, version: "1" } })).listener);
    for (const path of ["/", "/asyncapi.json", "/asyncapi.yaml"]) {
      const { headers, body } = await get(url + path);
      expect(Number(headers["content-length"])).toBe(body.byteLength);
      expect(body.toString()).toContain(title);
      expect(body.toString().trimEnd()).toMatch(/(<\/html>|\}|\w)$/);
    }
  });

  test("an unchanged file is not sent again", async () => {
    const url = await serve(handler().listener);
    const first = await get(`${url}/asyncapi.json`);
    const { etag = "" } = first.headers;
    expect(etag).toMatch(/^"[\w-]{22}"$/);
    for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
      const again = await get(`${url}/asyncapi.json`, { "if-none-match": tag });
      expect([again.status, again.body.byteLength, again.headers["etag"]]).toEqual([304, 0, etag]);
    }
    expect((await get(`${url}/asyncapi.json`, { "if-none-match": '"other"' })).status).toBe(200);
  });

  test("a changed document has another tag, and the page follows", async () => {
    let document = everything;
    const url = await serve(handler({}, () => document).listener);
    const { etag = "" } = (await get(`${url}/`)).headers;
    document = { ...everything, info: { title: "Changed", version: "3" } };
    const changed = await get(`${url}/`, { "if-none-match": etag });
    expect(changed.status).toBe(200);
    expect(changed.body.toString()).toContain("Changed");
  });

  test("HEAD has the headers of GET and no body", async () => {
    const url = await serve(handler().listener);
    for (const path of ["/", "/asyncapi.json", "/nothing"]) {
      const got = await get(url + path);
      const head = await get(url + path, {}, "HEAD");
      const { date: _, ...expected } = got.headers;
      expect([head.status, head.body.byteLength]).toEqual([got.status, 0]);
      expect(head.headers).toMatchObject(expected);
    }
  });

  test("other methods are refused, other paths are not found", async () => {
    const url = await serve(handler().listener);
    const posted = await get(`${url}/`, {}, "POST");
    expect([posted.status, posted.headers["allow"]]).toEqual([405, "GET, HEAD"]);
    for (const path of [
      "/x",
      "/asyncapi.json/x",
      "/react/",
      "/__proto__",
      "/constructor",
      "//",
      "/../x",
      "/%2e%2e/x",
    ]) {
      expect((await get(url + path)).status).toBe(404);
    }
    expect((await get(`${url}/x`, {}, "POST")).status).toBe(404);
  });

  test("is compressed for those who can read it, with a tag of its own", async () => {
    const url = await serve(handler().listener);
    const plain = await get(`${url}/`);
    const packed = await get(`${url}/`, { "accept-encoding": "deflate, gzip;q=0.5, br" });
    expect(packed.headers["content-encoding"]).toBe("gzip");
    expect(packed.headers["vary"]).toBe("accept-encoding");
    expect(packed.headers["etag"]).not.toBe(plain.headers["etag"]);
    expect(gunzipSync(packed.body).equals(plain.body)).toBe(true);
    expect(
      (await get(`${url}/`, { "accept-encoding": "gzip;q=0, *;q=0" })).headers["content-encoding"],
    ).toBeUndefined();
  });

  test("hosts that are not allowed get nothing, so that no name can be rebound to it", async () => {
    const url = await serve(handler({ allowedHosts: ["docs.example.com", "::1"] }).listener);
    for (const host of ["docs.example.com", "DOCS.example.com:8081", "[::1]:80"]) {
      expect((await get(`${url}/`, { host })).status).toBe(200);
    }
    for (const host of ["evil.example", "docs.example.com.evil.example", "127.0.0.1", "", "docs.example.com@evil"]) {
      const refused = await get(`${url}/asyncapi.json`, { host });
      expect([refused.status, refused.body.toString()]).toEqual([421, "unknown host\n"]);
    }
  });

  test("a document that cannot be made is an error of the server, not of the process", async () => {
    const failing = handler({}, () => {
      throw new Error("secret reason");
    });
    const answer = await get(`${await serve(failing.listener)}/`);
    expect(answer.status).toBe(500);
    expect(answer.body.toString()).not.toContain("secret");
    expect((await failing.fetch(new Request("http://localhost/"))).status).toBe(500);
  });

  test.each([["docs"], ["/docs?x"], ["/a b"], [""], [7]])("%j is no path", (path) => {
    expect(() => handler({ path: path as string })).toThrow(/docs\.path/);
  });

  test("an unknown view is refused", () => {
    expect(() => handler({ view: "vue" as "react" })).toThrow(/docs\.view/);
  });

  test("from the cache, a page takes less than 5 ms", async () => {
    const { fetch } = handler();
    const ask = (): Promise<Response> =>
      fetch(new Request("http://localhost/", { headers: { "accept-encoding": "gzip" } }));
    await ask();
    const times: number[] = [];
    for (let index = 0; index < 50; index += 1) {
      const started = performance.now();
      await (await ask()).arrayBuffer();
      times.push(performance.now() - started);
    }
    expect(times.sort((a, b) => a - b)[25]).toBeLessThan(5);
  });
});

describe("the view of the React component", () => {
  test("is on a path of its own, with the only policy that allows eval", async () => {
    const url = await serve(handler({ view: "react" }).listener);
    expect((await get(`${url}/`)).headers["location"]).toBe("react/");
    expect((await get(`${url}/react`)).headers["location"]).toBe("./react/");
    expect((await get(`${url}/page.html`)).headers["content-security-policy"]).toMatch(strict);
    expect((await get(`${url}/react/`)).headers["content-security-policy"]).toContain(
      "script-src 'self' 'unsafe-eval'",
    );
  });

  test("its files are stored compressed, and sent as the browser wants them", async () => {
    const url = await serve(handler({ view: "react" }).listener);
    const plain = await get(`${url}/react/component.js`);
    expect(plain.body.toString("latin1")).toContain("AsyncApiStandalone");
    const br = await get(`${url}/react/component.js`, { "accept-encoding": "gzip, br" });
    expect(br.headers["content-encoding"]).toBe("br");
    expect(br.body.byteLength).toBeLessThan(500_000);
    expect(brotliDecompressSync(br.body).equals(plain.body)).toBe(true);
    const gzip = await get(`${url}/react/component.js`, { "accept-encoding": "gzip" });
    expect(gunzipSync(gzip.body).equals(plain.body)).toBe(true);
    expect((await get(`${url}/react/LICENSE.txt`)).body.toString()).toContain("Apache License");
  });

  test("is refused where the package was built without it", () => {
    const source = { document: () => everything, logger: silentLogger, reactFolder: new URL("file:///nowhere/") };
    expect(() => createDocsHandler(source, { view: "react" })).toThrow(/beside the built package/);
  });
});

describe("mounted in a framework, below /docs", () => {
  const { listener } = handler();
  const whole = handler({ path: "/docs/" });
  const mounts: Readonly<Record<string, () => Promise<string>>> = {
    "node:http": () => serve(whole.listener),
    async express() {
      const app = express();
      app.use("/docs", listener);
      app.use((_request, response) => void response.status(404).send("express"));
      return serve(app);
    },
    async fastify() {
      const app = fastify();
      const route = async (
        request: { readonly raw: Parameters<typeof listener>[0] },
        reply: { hijack(): unknown; readonly raw: Parameters<typeof listener>[1] },
      ): Promise<void> => {
        reply.hijack();
        whole.listener(request.raw, reply.raw);
      };
      app.get("/docs", route);
      app.get("/docs/*", route);
      closing.push(() => app.close());
      return app.listen({ port: 0, host: "127.0.0.1" });
    },
    async hono() {
      const app = new Hono();
      app.all("/docs/*", (context) => whole.fetch(context.req.raw));
      return serve(bridge((request) => app.fetch(request)));
    },
    // What Next calls: `export const GET = handler.fetch` in app/docs/[[...file]]/route.ts.
    "a route handler": () => serve(bridge(whole.fetch)),
  };

  /** What adapters of Fetch frameworks do. */
  function bridge(fetch: (request: Request) => Response | Promise<Response>): RequestListener {
    return async (request, response) => {
      const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)] as [string, string]);
      const made = new Request(`http://${request.headers.host}${request.url}`, {
        method: request.method ?? "GET",
        headers,
      });
      const answer = await fetch(made);
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      response.end(Buffer.from(await answer.arrayBuffer()));
    };
  }

  test.each(Object.keys(mounts))("%s", async (name) => {
    const url = await mounts[name]!();
    const moved = await get(`${url}/docs`);
    expect([moved.status, new URL(moved.headers["location"] ?? "", `${url}/docs`).pathname]).toEqual([302, "/docs/"]);
    const page = await get(`${url}/docs/`);
    expect(page.status).toBe(200);
    expect(Number(page.headers["content-length"])).toBe(page.body.byteLength);
    expect(JSON.parse((await get(`${url}/docs/asyncapi.json?x=1`)).body.toString())).toEqual(everything);
    const { etag = "" } = page.headers;
    expect((await get(`${url}/docs/`, { "if-none-match": etag })).status).toBe(304);
    expect((await get(`${url}/docs/nothing`)).status).toBe(404);
    expect((await get(`${url}/docsx`)).status).toBe(404);
    expect((await get(`${url}/docs/page.css`, {}, "HEAD")).body.byteLength).toBe(0);
  });

  test("Express goes on with what is not found", async () => {
    const url = await mounts["express"]!();
    expect((await get(`${url}/docs/nothing`)).body.toString()).toBe("express");
  });
});
