/** The PEM files of TLS, read and checked before anything listens. */
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { invalidField } from "../errors.ts";
import type { TlsOptions } from "./options.ts";

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly clientCaFile: string | undefined;
  readonly clientCertificateOptional: boolean;
}

/** Throws `invalid_argument` that names the variable whose file is wrong. */
export async function loadTls(files: TlsFiles): Promise<TlsOptions> {
  const cert = await readPem("TLS_CERT", files.certFile);
  const key = await readPem("TLS_KEY", files.keyFile);
  const clientCa = files.clientCaFile && (await readPem("TLS_CLIENT_CA", files.clientCaFile));
  check("TLS_CERT", { cert });
  check("TLS_KEY", { cert, key });
  if (!clientCa) return { cert, key };
  check("TLS_CLIENT_CA", { ca: clientCa });
  return { cert, key, clientCa, clientCertificateOptional: files.clientCertificateOptional };
}

async function readPem(name: string, file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw invalidField(name, `${file} cannot be read: ${reasonOf(error)}`);
  }
}

function check(name: string, parts: { cert?: string; key?: string; ca?: string }): void {
  try {
    createSecureContext(parts);
  } catch (error) {
    throw invalidField(name, `is not usable with the others: ${reasonOf(error)}`);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
