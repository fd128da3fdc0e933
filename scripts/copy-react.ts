import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";

/**
 * Copies the stand-alone files of the official AsyncAPI React component beside the built package, compressed, with their
 * licences. Users get the view without the 250 packages that it is made of.
 */
const root = fileURLToPath(new URL("../", import.meta.url));
const component = join(root, "node_modules/@asyncapi/react-component");
const sources: Readonly<Record<string, readonly string[]>> = {
  "component.js": ["browser/standalone/index.js"],
  "style.css": ["styles/default.min.css"],
  "LICENSE.txt": ["LICENSE", "browser/standalone/index.js.LICENSE.txt"],
};

/** Compressing well takes seconds, so it is done once per version. The result is the folder of the compressed files. */
export function compressReact(): URL {
  const { version } = JSON.parse(readFileSync(join(component, "package.json"), "utf8")) as { readonly version: string };
  const cached = join(root, "node_modules/.cache/millrace-react", version);
  if (!existsSync(cached)) {
    const attempt = `${cached}.${process.pid}`;
    mkdirSync(attempt, { recursive: true });
    for (const [name, files] of Object.entries(sources)) {
      const bytes = Buffer.from(files.map((file) => readFileSync(join(component, file), "utf8")).join("\n\n"));
      const params = { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.byteLength, [constants.BROTLI_PARAM_LGWIN]: 24 };
      writeFileSync(join(attempt, `${name}.br`), brotliCompressSync(bytes, { params }));
    }
    try {
      renameSync(attempt, cached);
    } catch {
      // Another process was faster.
      rmSync(attempt, { recursive: true, force: true });
    }
  }
  return pathToFileURL(`${cached}/`);
}

if (import.meta.main) {
  const target = join(root, "dist/react-view");
  mkdirSync(target, { recursive: true });
  const from = compressReact();
  for (const name of Object.keys(sources)) {
    copyFileSync(fileURLToPath(new URL(`${name}.br`, from)), join(target, `${name}.br`));
  }
}
