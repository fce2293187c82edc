import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { AgentService } from "../../gen/agentlane/v1/agent_service_pb.js";
import { Role } from "../../gen/agentlane/v1/content_pb.js";

const baseUrl = process.argv[2] ?? "http://localhost:50051";
const agents = createClient(AgentService, createGrpcTransport({ baseUrl }));
const turn = {
  agentId: "echo",
  sessionId: "s1",
  messages: [{ role: Role.USER, content: [{ part: { case: "text" as const, value: "hello" } }] }],
};

const answer = await agents.execute(turn);
for (const part of answer.result?.messages.at(-1)?.content ?? []) {
  if (part.part.case === "text") console.log(part.part.value);
}

let lastSequence = 0;
for await (const { sequence, event } of agents.streamExecute(turn)) {
  lastSequence = sequence; // after a broken connection: TaskService.WatchTask, after_sequence
  if (event?.kind.case !== "chunk") continue;
  process.stdout.write(event.kind.value.choices[0]?.delta?.content ?? "");
}
console.log(`\n${lastSequence} events`);
