/** A certificate authority, a server's and a client's certificate, made by the openssl program. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Certificates {
  readonly ca: string;
  readonly server: { readonly cert: string; readonly key: string };
  readonly client: { readonly cert: string; readonly key: string };
}

export function createCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), "agentlane-tls-"));
  const openssl = (...args: string[]): void => {
    execFileSync("openssl", args, { cwd: folder, stdio: "ignore" });
  };
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const issue = (name: string, subject: string): { cert: string; key: string } => {
    const names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    const request = ["-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", subject];
    openssl("req", "-new", ...newKey, ...names, ...request);
    const authority = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"];
    const files = ["-in", `${name}.csr`, "-out", `${name}.crt`];
    openssl("x509", "-req", ...authority, ...files, "-days", "1", "-copy_extensions", "copy");
    return { cert: read(`${name}.crt`), key: read(`${name}.key`) };
  };
  try {
    const self = ["-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=test-ca", "-days", "1"];
    openssl("req", "-x509", ...newKey, ...self);
    const server = issue("server", "/CN=localhost");
    return { ca: read("ca.crt"), server, client: issue("client", "/CN=client") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
