/** Rules between variables: what cannot go together although each value is right by itself. */
import { isLoopback } from "./config-access.ts";
import type { Values } from "./config-variables.ts";
import type { FieldViolation } from "./errors.ts";

/** What is wrong with variables that are right one by one. */
export function conflicts(values: Values): FieldViolation[] {
  const found: FieldViolation[] = [];
  const report = (field: string, description: string): void => {
    found.push({ field, description: `${field}: ${description}` });
  };
  if ((values.TLS_CERT === undefined) !== (values.TLS_KEY === undefined)) {
    report("TLS_CERT", "TLS_CERT and TLS_KEY belong together; set both or none");
  }
  if (values.TLS_CLIENT_CA !== undefined && values.TLS_CERT === undefined) {
    report("TLS_CLIENT_CA", "client certificates need TLS; set TLS_CERT and TLS_KEY too");
  }
  if (!isLoopback(values.HOST) && !isAuthenticating(values)) {
    report(
      "HOST",
      `${values.HOST} can be reached from other machines and nothing authenticates callers; use HOST=127.0.0.1, or set API_KEYS, API_KEYS_FILE, JWT_ISSUER, TLS_CLIENT_CA or AUTH_MODULE`,
    );
  }
  accessConflicts(values, report);
  if (values.AUDIT_LOG_FAILURE === "refuse" && auditPathOf(values) === undefined) {
    report(
      "AUDIT_LOG_FAILURE",
      "refuse says nothing without an audit log; set AUDIT_LOG to a file or to - for standard output",
    );
  }
  if (values.LEASE_RENEW_INTERVAL * 2 > values.LEASE_DURATION) {
    report(
      "LEASE_RENEW_INTERVAL",
      "must be at most half of LEASE_DURATION, so that one lost renewal loses no lease, for example LEASE_DURATION=15 LEASE_RENEW_INTERVAL=5",
    );
  }
  if (values.TASK_RETENTION_HOURS < values.MESSAGE_RETENTION_HOURS) {
    report("TASK_RETENTION_HOURS", "must be at least MESSAGE_RETENTION_HOURS");
  }
  if (values.TASK_MANAGER_WORKERS > values.MAX_CONCURRENT_AGENTS) {
    report(
      "TASK_MANAGER_WORKERS",
      "must be at most MAX_CONCURRENT_AGENTS; raise that one too if this process may run so many",
    );
  }
  if (!values.ENABLED_FRAMEWORKS.includes(values.DEFAULT_FRAMEWORK)) {
    report("DEFAULT_FRAMEWORK", "must be one of ENABLED_FRAMEWORKS");
  }
  if (!values.TASK_MANAGER_ENABLED && values.MESSAGE_QUEUE_TYPE === "memory") {
    report(
      "TASK_MANAGER_ENABLED",
      "a gateway needs a queue that other processes share; with MESSAGE_QUEUE_TYPE=memory nothing would run its tasks",
    );
  }
  const store = storeType(storeUrl(values));
  if (values.MESSAGE_QUEUE_TYPE !== "memory" && (store === "memory" || store === "sqlite")) {
    report(
      "STORE_URL",
      `MESSAGE_QUEUE_TYPE=${values.MESSAGE_QUEUE_TYPE} is shared between processes and a ${store} store belongs to one; set STORE_URL to a store that they share, for example STORE_URL=postgres://agentlane@localhost/agentlane${values.MESSAGE_QUEUE_TYPE === "redis" ? ", or leave it out to use REDIS_URL" : ""}`,
    );
  }
  if (values.OTEL_BSP_MAX_EXPORT_BATCH_SIZE > values.OTEL_BSP_MAX_QUEUE_SIZE) {
    report("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "must be at most OTEL_BSP_MAX_QUEUE_SIZE");
  }
  return found;
}

function accessConflicts(
  values: Values,
  report: (field: string, description: string) => void,
): void {
  if ((values.JWT_ISSUER === undefined) !== (values.JWT_AUDIENCE === undefined)) {
    report(
      "JWT_AUDIENCE",
      "JWT_ISSUER and JWT_AUDIENCE belong together: a token made for another service must not open this one",
    );
  }
  if (values.JWT_ISSUER === undefined && values.JWT_JWKS !== undefined) {
    report("JWT_JWKS", "says nothing without JWT_ISSUER and JWT_AUDIENCE");
  }
  if (values.TLS_CLIENT_CA !== undefined) return;
  if (values.TLS_CLIENT_PRINCIPALS !== undefined) {
    report("TLS_CLIENT_PRINCIPALS", "client certificates need TLS_CLIENT_CA");
  }
  if (values.TLS_CLIENT_AUTH === "optional") {
    report("TLS_CLIENT_AUTH", "client certificates need TLS_CLIENT_CA");
  }
}

/** Whether callers have to show a credential. */
export function isAuthenticating(values: Values): boolean {
  const { API_KEYS, API_KEYS_FILE, JWT_ISSUER, TLS_CLIENT_CA, AUTH_MODULE } = values;
  return API_KEYS || (API_KEYS_FILE ?? JWT_ISSUER ?? TLS_CLIENT_CA ?? AUTH_MODULE) !== undefined;
}

/** Where nobody shows who they are there is nobody to name: undefined, as where it is off. */
export function auditPathOf(values: Values): string | undefined {
  if (values.AUDIT_LOG === "off") return undefined;
  return values.AUDIT_LOG ?? (isAuthenticating(values) ? "-" : undefined);
}

/** STORE_URL, or what it is when left out. */
export function storeUrl(values: Values): string {
  if (values.STORE_URL !== undefined) return values.STORE_URL;
  return values.MESSAGE_QUEUE_TYPE === "redis" ? values.REDIS_URL : "memory";
}

/** The adapter of a STORE_URL. */
export function storeType(url: string): "memory" | "redis" | "postgres" | "sqlite" {
  if (url === "memory") return "memory";
  if (url.startsWith("sqlite:")) return "sqlite";
  return url.startsWith("redis") ? "redis" : "postgres";
}
