/**
 * The tenants file: JSON with the rule of every tenant that has one of its own, and a default for all
 * others. It is read again when it changes; a file that is wrong by then leaves the rules as they are.
 */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { AgentlaneError, type FieldViolation } from "../errors.ts";
import { fileVersion } from "../file-version.ts";
import type { Chore } from "./sweeper.ts";
import type { TenantPolicy, TenantRule } from "./tenant-policy.ts";

const READ_INTERVAL_MS = 2000;

const count = z.int().min(1).max(1_000_000_000);
/** null = no limit, whatever the default says. */
const rule = z.strictObject({
  weight: z.int().min(1).max(100).optional(),
  requestsPerSecond: z.number().min(0.001).max(1_000_000).nullish(),
  burst: z.int().min(1).max(1_000_000).nullish(),
  maxQueuedTasks: count.nullish(),
  maxRunningTasks: count.nullish(),
  maxLiveSessions: count.nullish(),
  tokensPerDay: z.int().min(1).nullish(),
  maxStoredBytes: z.int().min(1).nullish(),
});

const tenantsFile = z.strictObject({
  /** For editors. */
  $schema: z.string().optional(),
  default: rule.optional(),
  tenants: z.record(z.string().min(1).max(128), rule).optional(),
});

type Rules = z.infer<typeof tenantsFile>;

export interface TenantsFile extends TenantPolicy {
  /** Reads the file again when it has changed. */
  readonly chore: Chore;
}

/** Throws `invalid_argument` (TENANTS_FILE_INVALID) that names every bad key. */
export function readTenantsFile(path: string, onReload: () => void): TenantsFile {
  let rules = read(path);
  let version: string | undefined;
  return {
    ruleOf: (tenant) => ruleOf(rules, tenant),
    chore: {
      name: "tenants-file",
      intervalMs: READ_INTERVAL_MS,
      runsAtStart: true,
      async run() {
        const found = await fileVersion(path);
        if (found === version) return;
        const isFirst = version === undefined;
        // Also of a file that is wrong: it is told once, not with every look.
        version = found;
        rules = read(path);
        if (!isFirst) onReload();
      },
    },
  };
}

function ruleOf({ default: preset = {}, tenants = {} }: Rules, tenant: string): TenantRule {
  const own = Object.hasOwn(tenants, tenant) ? tenants[tenant] : undefined;
  const merged = { ...preset, ...own };
  return {
    weight: merged.weight ?? 1,
    requestsPerSecond: merged.requestsPerSecond ?? undefined,
    burst: merged.burst ?? undefined,
    maxQueuedTasks: merged.maxQueuedTasks ?? undefined,
    maxRunningTasks: merged.maxRunningTasks ?? undefined,
    maxLiveSessions: merged.maxLiveSessions ?? undefined,
    tokensPerDay: merged.tokensPerDay ?? undefined,
    maxStoredBytes: merged.maxStoredBytes ?? undefined,
  };
}

function read(path: string): Rules {
  const parsed = tenantsFile.safeParse(readJson(path));
  if (parsed.success) return parsed.data;
  throw invalidFile(path, parsed.error.issues.flatMap(violations));
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    const why = error instanceof SyntaxError ? `is not JSON: ${error.message}` : "cannot be read";
    throw invalidFile(path, [{ field: "", description: why }], error);
  }
}

function violations(issue: z.core.$ZodIssue): FieldViolation[] {
  const at = issue.path.map(String);
  if (issue.code !== "unrecognized_keys") {
    return [{ field: at.join("."), description: issue.message }];
  }
  return issue.keys.map((key) => ({
    field: [...at, key].join("."),
    description: `is unknown; known are ${known(at)}`,
  }));
}

function known(path: readonly string[]): string {
  return Object.keys((path.length === 0 ? tenantsFile : rule).shape).join(", ");
}

function invalidFile(path: string, problems: FieldViolation[], cause?: unknown): AgentlaneError {
  const lines = problems.map(({ field, description }) => `  ${field || path}: ${description}`);
  return new AgentlaneError(
    "invalid_argument",
    "TENANTS_FILE_INVALID",
    `${path} is not a valid tenants file:\n${lines.join("\n")}`,
    { fieldViolations: problems, cause },
  );
}
