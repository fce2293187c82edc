import { createClient, type Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { AgentService } from "../../gen/agentlane/v1/agent_service_pb.js";
import { OperationsService } from "../../gen/agentlane/v1/operations_service_pb.js";
import { SessionService } from "../../gen/agentlane/v1/session_service_pb.js";
import { TaskService } from "../../gen/agentlane/v1/task_service_pb.js";
import { loadConfig } from "../../src/config.ts";
import { createRuntime, type Overrides, type Runtime } from "../../src/runtime.ts";
import { silentLogger } from "../../src/telemetry/logging.ts";

export interface Program {
  readonly runtime: Runtime;
  readonly baseUrl: string;
  readonly transport: Transport;
  readonly agents: ReturnType<typeof createClient<typeof AgentService>>;
  readonly tasks: ReturnType<typeof createClient<typeof TaskService>>;
  readonly sessions: ReturnType<typeof createClient<typeof SessionService>>;
  readonly operations: ReturnType<typeof createClient<typeof OperationsService>>;
  /** Stops everything; resolves to what was left over, which should be all zeros. */
  stop(): Promise<Leftovers>;
}

export interface Leftovers {
  readonly watchers: number;
  readonly leases: number;
  readonly busy: number;
  readonly inFlight: number;
  readonly connections: number;
}

/** The whole program on a free port, with clients of all its services over gRPC. */
export async function startProgram(
  overrides: Overrides = {},
  environment: Record<string, string> = {},
): Promise<Program> {
  const config = loadConfig({ PORT: "0", ...environment });
  const runtime = await createRuntime(config, { logger: silentLogger, ...overrides });
  await runtime.start();
  const { host, port } = runtime.server.address();
  const baseUrl = `http://${host}:${port}`;
  const sessionManager = new Http2SessionManager(baseUrl);
  const transport = createGrpcTransport({ baseUrl, sessionManager });
  return {
    runtime,
    baseUrl,
    transport,
    agents: createClient(AgentService, transport),
    tasks: createClient(TaskService, transport),
    sessions: createClient(SessionService, transport),
    operations: createClient(OperationsService, transport),
    async stop() {
      sessionManager.abort();
      await runtime.drain(2000);
      const leftovers = {
        watchers: runtime.manager.watcherCount(),
        leases: runtime.worker?.heldLeaseCount() ?? 0,
        busy: runtime.worker?.busyCount() ?? 0,
        inFlight: runtime.server.inFlightCount,
        connections: 0,
      };
      await runtime.stop();
      return { ...leftovers, connections: runtime.server.connectionCount };
    },
  };
}

export const NOTHING_LEFT: Leftovers = {
  watchers: 0,
  leases: 0,
  busy: 0,
  inFlight: 0,
  connections: 0,
};
