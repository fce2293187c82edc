/** What the pages work with: clients of the four public services, and the state around them. */
import { type Client, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { AgentService } from "../../../gen/agentlane/v1/agent_service_pb.js";
import { OperationsService } from "../../../gen/agentlane/v1/operations_service_pb.js";
import { SessionService } from "../../../gen/agentlane/v1/session_service_pb.js";
import { TaskService } from "../../../gen/agentlane/v1/task_service_pb.js";
import type { Clock } from "../clock.ts";
import { type ApiKey, createApiKey } from "./api-key.ts";
import { type Connection, createConnection } from "./connection.ts";

export interface Services {
  readonly agents: Client<typeof AgentService>;
  readonly tasks: Client<typeof TaskService>;
  readonly sessions: Client<typeof SessionService>;
  readonly operations: Client<typeof OperationsService>;
  readonly apiKey: ApiKey;
  readonly connection: Connection;
  readonly clock: Clock;
  /** Of this tab. */
  readonly storage: Storage;
}

export function createServices(baseUrl: string, clock: Clock, storage: Storage): Services {
  const apiKey = createApiKey(storage);
  const connection = createConnection();
  const transport = createConnectTransport({
    baseUrl,
    useBinaryFormat: true,
    interceptors: [authorize(apiKey), observe(connection)],
  });
  return {
    agents: createClient(AgentService, transport),
    tasks: createClient(TaskService, transport),
    sessions: createClient(SessionService, transport),
    operations: createClient(OperationsService, transport),
    apiKey,
    connection,
    clock,
    storage,
  };
}

function authorize(apiKey: ApiKey): Interceptor {
  return (next) => (request) => {
    if (apiKey.get() !== "") request.header.set("authorization", `Bearer ${apiKey.get()}`);
    return next(request);
  };
}

/** Of a stream it sees the beginning; who reads one reports its end. */
function observe(connection: Connection): Interceptor {
  return (next) => async (request) => {
    try {
      const response = await next(request);
      connection.succeeded();
      return response;
    } catch (error) {
      connection.failed(error);
      throw error;
    }
  };
}

export const ServicesContext = createContext<Services | undefined>(undefined);

export function useServices(): Services {
  const services = useContext(ServicesContext);
  if (!services) throw new Error("outside of ServicesContext");
  return services;
}
