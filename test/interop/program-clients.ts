/** The clients that are programs: buf curl and grpcurl, both by reflection. */
import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { z } from "zod";
import { fullName, type InteropClient, outcomeError } from "./client.ts";
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

/** grpcurl prints google.rpc.Status, its details resolved by reflection. */
function grpcurlError(json: JsonValue) {
  const { code, message, details } = z
    .object({
      code: z.number(),
      message: z.string().default(""),
      details: z.array(z.looseObject({ "@type": z.string() })).default([]),
    })
    .parse(json);
  const find = (type: string) => details.find((detail) => detail["@type"].endsWith(`.${type}`));
  const info = z
    .object({ reason: z.string(), metadata: z.record(z.string(), z.string()).default({}) })
    .optional()
    .parse(find("ErrorInfo"));
  const badRequest = z
    .object({ fieldViolations: z.array(z.object({ field: z.string() })) })
    .optional()
    .parse(find("BadRequest"));
  const retry = z.object({ retryDelay: z.string() }).optional().parse(find("RetryInfo"));
  return {
    ...outcomeError(code, message, []),
    ...(info ?? {}),
    ...(badRequest ? { fields: badRequest.fieldViolations.map(({ field }) => field) } : {}),
    ...(retry ? { retryDelayMs: Number.parseFloat(retry.retryDelay) * 1000 } : {}),
  };
}

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
