import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findOnPath, unpackPackages } from "../../dev/debian.ts";
import { guard } from "../../dev/guard.ts";

/** A certificate and its key, as PEM and as files. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
}

export interface CertificateOptions {
  /** What it is for, as in a subjectAltName. Default `["DNS:localhost", "IP:127.0.0.1"]`. */
  readonly hosts?: readonly string[];
  /** It ran out years ago. */
  readonly expired?: boolean;
}

/** An authority that exists for one test: nothing here is a secret, and nothing outlives the test. */
export interface Authority {
  /** PEM, for those who are to trust it. */
  readonly ca: string;
  readonly caFile: string;
  issue(options?: CertificateOptions): Promise<Certificate>;
  remove(): void;
}

const config = `
[req]
distinguished_name = name
[name]
[ca]
default_ca = authority
[authority]
database = issued.txt
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
rand_serial = yes
default_md = sha256
policy = policy
[policy]
commonName = supplied
`;

const run = promisify(execFile);

/** With `openssl` from PATH, else from Debian's package. Rejects where neither is to be had. */
export async function createAuthority(): Promise<Authority> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-certificates-"));
  const sentry = guard(folder);
  const openssl = await findOpenssl();
  const path = (name: string): string => join(folder, name);
  writeFileSync(path("openssl.cnf"), config);
  writeFileSync(path("issued.txt"), "");
  const call = async (...args: readonly string[]): Promise<void> => {
    const [command = "", ...before] = openssl;
    await run(command, [...before, ...args], {
      cwd: folder,
      env: { ...process.env, OPENSSL_CONF: path("openssl.cnf") },
    });
  };
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const authority = ["-subj", "/CN=millrace test authority", "-addext", "basicConstraints=critical,CA:TRUE"];
  await call("req", "-x509", ...newKey, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", ...authority);
  let issued = 0;

  return {
    ca: readFileSync(path("ca.pem"), "utf8"),
    caFile: path("ca.pem"),
    async issue({ hosts = ["DNS:localhost", "IP:127.0.0.1"], expired = false } = {}) {
      issued += 1;
      const [key, request, cert, extensions] = ["key", "csr", "pem", "ext"].map((end) => `${issued}.${end}`) as [
        string,
        string,
        string,
        string,
      ];
      writeFileSync(path(extensions), `subjectAltName=${hosts.join(",")}\n`);
      await call("req", "-new", ...newKey, "-keyout", key, "-out", request, "-subj", `/CN=millrace test ${issued}`);
      // `ca`, since `x509` of newer versions refuses to make one that has run out.
      const dates = expired ? ["-startdate", "20200101000000Z", "-enddate", "20200102000000Z"] : ["-days", "1"];
      await call("ca", "-batch", "-notext", "-in", request, "-out", cert, "-extfile", extensions, ...dates);
      return {
        cert: readFileSync(path(cert), "utf8"),
        key: readFileSync(path(key), "utf8"),
        certFile: path(cert),
        keyFile: path(key),
      };
    },
    remove() {
      rmSync(folder, { recursive: true, force: true });
      sentry.release();
    },
  };
}

async function findOpenssl(): Promise<readonly string[]> {
  const path = findOnPath("openssl");
  if (path !== undefined) return [path];
  const say = (line: string): void => console.log(`openssl    ${line}`);
  const unpacked = await unpackPackages({ name: "openssl", packages: ["openssl"], say });
  return unpacked.command("usr/bin/openssl", []);
}
