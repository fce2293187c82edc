/** A server on a free port with fakes behind it. */
import { create } from "@bufbuild/protobuf";
import {
  GetTaskManagerStatusResponseSchema,
  GetTenantUsageResponseSchema,
  ValidateAgentResponseSchema,
} from "../../gen/agentlane/v1/operations_service_pb.js";
import { createApiKeys } from "../../src/auth/api-keys.ts";
import { systemClock } from "../../src/clock.ts";
import { AgentlaneError } from "../../src/errors.ts";
import type { Need, Readiness } from "../../src/server/health.ts";
import { DEFAULT_SERVER_OPTIONS, type ServerOptions } from "../../src/server/options.ts";
import { createServer, type Server, type ServerParts } from "../../src/server/server.ts";
import { createMemoryStore } from "../../src/store/memory/store.ts";
import type { Operations } from "../../src/tasks/operations.ts";
import type { SessionManager } from "../../src/tasks/session-manager.ts";
import { type FakeTaskManager, fakeTaskManager } from "../fakes/fake-task-manager.ts";

export interface TestServer {
  readonly server: Server;
  readonly manager: FakeTaskManager;
  readonly readiness: FakeReadiness;
  /** What clients were not told. */
  readonly errors: unknown[];
  readonly port: number;
  /** `http://127.0.0.1:port`, or https. */
  readonly url: string;
}

export interface FakeReadiness extends Readiness {
  /** From now on this is all that the process lacks. */
  lack(...needs: Need[]): void;
  readonly listenerCount: number;
}

export interface TestServerOptions {
  options?: Partial<ServerOptions>;
  parts?: Partial<ServerParts>;
}

/** What a server serves, without anything behind it. */
export function fakeServices(): Pick<
  ServerParts,
  "manager" | "sessions" | "operations" | "apiKeys" | "tenants" | "options"
> {
  return {
    manager: fakeTaskManager(),
    sessions: noSessions,
    operations: fewOperations,
    apiKeys: createApiKeys({
      credentials: createMemoryStore({ clock: systemClock }).credentials,
      clock: systemClock,
      onRevoked: () => undefined,
    }),
    tenants: {
      delete: async () => ({
        ...{ done: true, taskCount: 0, canceledCount: 0, sessionCount: 0, apiKeyCount: 0 },
      }),
    },
    options: DEFAULT_SERVER_OPTIONS,
  };
}

export async function startTestServer(overrides: TestServerOptions = {}): Promise<TestServer> {
  const manager = fakeTaskManager();
  const readiness = fakeReadiness();
  const errors: unknown[] = [];
  const server = createServer({
    ...fakeServices(),
    limitRate: () => undefined,
    manager,
    readiness,
    clock: systemClock,
    onError: (error) => errors.push(error),
    ...overrides.parts,
    options: { ...DEFAULT_SERVER_OPTIONS, port: 0, ...overrides.options },
  });
  await server.start();
  const { port } = server.address();
  const scheme = overrides.options?.tls ? "https" : "http";
  return { server, manager, readiness, errors, port, url: `${scheme}://127.0.0.1:${port}` };
}

export function fakeReadiness(): FakeReadiness {
  let lacking: readonly Need[] = [];
  const listeners = new Set<() => void>();
  return {
    lacks: () => lacking.map((need) => ({ need, why: `the ${need} is away` })),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    lack(...needs) {
      lacking = needs;
      for (const listener of listeners) listener();
    },
    get listenerCount() {
      return listeners.size;
    },
  };
}

const notFound = async (): Promise<never> => {
  throw new AgentlaneError("not_found", "SESSION_NOT_FOUND", "no such session");
};

const noSessions: SessionManager = {
  get: notFound,
  list: async () => ({ items: [], nextToken: "" }),
  listInstances: async () => ({ items: [], nextToken: "", totalCount: 0 }),
  destroy: async () => ({ destroyed: false, canceledTaskCount: 0 }),
  export: notFound,
  import: notFound,
};

const fewOperations: Operations = {
  status: async () =>
    create(GetTaskManagerStatusResponseSchema, {
      taskManagerRunning: true,
      messageQueueType: "memory",
    }),
  queueStats: async () => [],
  frameworkHealth: async () => [],
  listAgents: async () => [],
  validateAgent: async () => create(ValidateAgentResponseSchema, { valid: true }),
  listWorkers: async () => [],
  tenantUsage: async (_principal, tenant) => create(GetTenantUsageResponseSchema, { tenant }),
};
