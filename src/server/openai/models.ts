/** GET /v1/models and /v1/models/{id}: the agents. */
import { create, isMessage, type Message } from "@bufbuild/protobuf";
import {
  ListAgentsRequestSchema,
  ListAgentsResponseSchema,
  OperationsService,
} from "../../../gen/agentlane/v1/operations_service_pb.js";
import type { HttpRequest, HttpResponse } from "../connect-adapter.ts";
import type { Implementation, UnaryMethod } from "../rpc.ts";
import { unknownModel } from "./chat-request.ts";
import { createExchange } from "./exchange.ts";
import type { OpenAIParts } from "./parts.ts";
import { encoded, sendJson } from "./reply.ts";

export async function serveModels(
  parts: OpenAIParts,
  request: HttpRequest,
  response: HttpResponse,
): Promise<void> {
  const body = { object: "list", data: await models(parts, "GET /v1/models", request, response) };
  sendJson(response, 200, encoded(body, parts.limits.maxMessageBytes, ""));
}

/** `id` as the path has it. */
export async function serveModel(
  parts: OpenAIParts,
  id: string,
  request: HttpRequest,
  response: HttpResponse,
): Promise<void> {
  const all = await models(parts, "GET /v1/models/{model}", request, response);
  const found = all.find((model) => model.id === decoded(id));
  if (!found) throw unknownModel(decoded(id) ?? id);
  sendJson(response, 200, JSON.stringify(found));
}

interface Model {
  readonly id: string;
  readonly object: "model";
  /** Required by OpenAI's clients; an agent has no date. */
  readonly created: 0;
  readonly owned_by: "agentlane";
}

async function models(
  { interceptors, operations, peerOf }: OpenAIParts,
  name: string,
  request: HttpRequest,
  response: HttpResponse,
): Promise<Model[]> {
  const exchange = createExchange(peerOf(request), request, response, async () =>
    create(ListAgentsRequestSchema),
  );
  const reply = await interceptors.unary(listing(operations, name), exchange);
  const agents = isMessage(reply, ListAgentsResponseSchema) ? reply.agents : [];
  return agents.map(({ agentId }) => ({
    id: agentId,
    object: "model",
    created: 0,
    owned_by: "agentlane",
  }));
}

function listing(operations: Implementation<typeof OperationsService>, name: string): UnaryMethod {
  return {
    kind: "unary",
    descriptor: OperationsService.method.listAgents,
    path: "/v1/models",
    name,
    duringDrain: "answered",
    handle: (_request: Message, call) =>
      operations.listAgents(create(ListAgentsRequestSchema), call),
  };
}

/** Undefined for what is no percent-encoding. */
function decoded(id: string): string | undefined {
  try {
    return decodeURIComponent(id);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
