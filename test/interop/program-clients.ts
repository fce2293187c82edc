/** The clients that are programs: buf curl and grpcurl, both by reflection. */
import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { z } from "zod";
import { fullName, type InteropClient, type OutcomeError, outcomeError } from "./client.ts";
import { connectJsonError } from "./library-clients.ts";

const BUF = new URL("../../node_modules/@bufbuild/buf/bin/buf", import.meta.url).pathname;

export function bufCurlClients(url: string): InteropClient[] {
  return ["grpc", "grpcweb", "connect"].map((protocol) => ({
    name: `buf curl ${protocol}`,
    lacks: ["deadline"],
    binaryGrpc: protocol === "grpc",
    async call(rpc, request) {
      const flags = ["--http2-prior-knowledge", "--protocol", protocol];
      const data = ["--data", JSON.stringify(request)];
      const target = `${url}/${fullName(rpc)}`;
      const { stdout, stderr, failed } = await run(process.execPath, [
        BUF,
        "curl",
        ...flags,
        ...data,
        target,
      ]);
      const replies = parseAll(stdout);
      if (!failed) return { replies };
      return { replies, error: connectJsonError(firstJson(stderr)) };
    },
    close: async () => undefined,
  }));
}

/** Undefined when it is not installed. */
export function findGrpcurl(): string | undefined {
  const folders = (process.env.PATH ?? "").split(":");
  try {
    folders.push(join(execFileSync("go", ["env", "GOPATH"], { encoding: "utf8" }).trim(), "bin"));
  } catch {
    // No Go: then PATH is all there is.
  }
  return folders.map((folder) => join(folder, "grpcurl")).find((path) => existsSync(path));
}

export function grpcurlClient(url: string, program: string): InteropClient {
  const address = new URL(url).host;
  return {
    name: "grpcurl",
    lacks: [],
    binaryGrpc: true,
    async call(rpc, request, options) {
      const limit = options?.timeoutMs;
      const { stdout, stderr, failed } = await run(program, [
        "-plaintext",
        "-format-error",
        ...(limit === undefined ? [] : ["-max-time", String(limit / 1000)]),
        "-d",
        JSON.stringify(request),
        address,
        fullName(rpc),
      ]);
      const replies = parseAll(stdout);
      if (!failed) return { replies };
      return { replies, error: grpcurlError(firstJson(stderr)) };
    },
    close: async () => undefined,
  };
}

/**
 * grpcurl prints google.rpc.Status. Details are resolved by reflection, or left as bytes when the
 * deadline leaves no time for that.
 */
function grpcurlError(json: JsonValue): OutcomeError {
  const { code, message, details } = z
    .object({
      code: z.number(),
      message: z.string().default(""),
      details: z.array(detailSchema).default([]),
    })
    .parse(json);
  const unresolved = details.flatMap(({ "@type": type, "@value": value }) =>
    value === undefined ? [] : [{ type, value: Buffer.from(value, "base64") }],
  );
  const { reason, metadata, fieldViolations, retryDelay } = Object.assign({}, ...details) as Detail;
  return {
    ...outcomeError(code, message, unresolved),
    ...(reason === undefined ? {} : { reason, metadata: metadata ?? {} }),
    ...(fieldViolations ? { fields: fieldViolations.map(({ field }) => field) } : {}),
    ...(retryDelay ? { retryDelayMs: Number.parseFloat(retryDelay) * 1000 } : {}),
  };
}

/** The fields of all details that the server sends; no two share a name. */
const detailSchema = z.object({
  "@type": z.string(),
  "@value": z.string().optional(),
  reason: z.string().optional(),
  metadata: z.record(z.string(), z.string()).optional(),
  fieldViolations: z.array(z.object({ field: z.string() })).optional(),
  retryDelay: z.string().optional(),
});

type Detail = z.infer<typeof detailSchema>;

export function run(
  program: string,
  args: readonly string[],
): Promise<{ stdout: string; stderr: string; failed: boolean }> {
  return new Promise((resolve) => {
    execFile(program, args, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) =>
      resolve({ stdout, stderr, failed: error !== null }),
    );
  });
}

/** Pretty-printed JSON objects, one after the other. */
function parseAll(text: string): JsonObject[] {
  return text
    .split(/\n(?=\{)/)
    .filter((part) => part.trim() !== "")
    .map((part) => JSON.parse(part));
}

function firstJson(text: string): JsonValue {
  const start = text.indexOf("{");
  if (start < 0) throw new Error(`no JSON in: ${text}`);
  return JSON.parse(text.slice(start));
}
