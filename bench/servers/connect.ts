/** The peers: a plain Connect server that answers without queue, session, store or tracing. */
import { createServer } from "node:http2";
import { create } from "@bufbuild/protobuf";
import { type ConnectRouter, createContextValues } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { HumanMessage } from "@langchain/core/messages";
import {
  AgentService,
  type ExecuteRequest,
  ExecuteResponseSchema,
} from "../../gen/agentlane/v1/agent_service_pb.js";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { trivial } from "../graph.ts";
import { answerMessage, CHUNKS_A_STREAM, chunkResponse } from "../workload.ts";
import { listening } from "./listening.ts";

const TASK_ID = "0197f3c2-7a00-7000-8000-000000000002";

function respond(text?: string) {
  return create(ExecuteResponseSchema, {
    taskId: TASK_ID,
    state: TaskState.COMPLETED,
    attempt: 1,
    sequence: 3,
    result: { messages: [answerMessage(text)], finishReason: "stop" },
  });
}

async function runGraph(request: ExecuteRequest) {
  const messages = request.messages.map(
    (message) =>
      new HumanMessage(
        message.content.map((part) => (part.part.case === "text" ? part.part.value : "")).join(""),
      ),
  );
  const state = await trivial.invoke({ messages });
  return respond(String(state.messages.at(-1)?.content));
}

const kind = process.argv[2];
const server = createServer(
  connectNodeAdapter({
    contextValues: () => createContextValues(),
    routes(router: ConnectRouter) {
      router.service(AgentService, {
        execute: (request) => (kind === "graph" ? runGraph(request) : respond()),
        async *streamExecute() {
          for (let index = 1; index <= CHUNKS_A_STREAM; index++) {
            yield chunkResponse(TASK_ID, index);
          }
        },
      });
    },
  }),
);
server.listen(0, "127.0.0.1", () => listening(server));
