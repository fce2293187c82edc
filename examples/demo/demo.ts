/**
 * `npm run demo`: a server in memory on a free port, and a gRPC client that puts it through its
 * paces. Every step checks what it shows; the exit code is 0 only if all of it was true.
 */
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { AgentService } from "../../gen/agentlane/v1/agent_service_pb.js";
import { type Message, Role } from "../../gen/agentlane/v1/content_pb.js";
import { OperationsService } from "../../gen/agentlane/v1/operations_service_pb.js";
import { SessionService } from "../../gen/agentlane/v1/session_service_pb.js";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { TaskService } from "../../gen/agentlane/v1/task_service_pb.js";
import { loadConfig } from "../../src/config.ts";
import { createRuntime } from "../../src/runtime.ts";

const runtime = await createRuntime(loadConfig({ PORT: "0", LOG_LEVEL: "warn" }));
await runtime.start();
const { host, port } = runtime.server.address();
const baseUrl = `http://${host}:${port}`;
const sessionManager = new Http2SessionManager(baseUrl);
const transport = createGrpcTransport({ baseUrl, sessionManager });
const agents = createClient(AgentService, transport);
const tasks = createClient(TaskService, transport);
const sessions = createClient(SessionService, transport);
const operations = createClient(OperationsService, transport);
const session = { agentId: "demo", sessionId: "demo-session" };

try {
  say(`Agentlane serves on ${baseUrl}, everything in memory. No key, no network.`);
  await executeATurn();
  await streamATurn();
  await rememberTheFirst();
  await cancelALongOne();
  await printFigures();
  say("All of it was true.");
} finally {
  sessionManager.abort();
  await runtime.drain(1000);
  await runtime.stop();
}

async function executeATurn(): Promise<void> {
  title("1. Execute: a turn of a tool agent");
  user("My name is Ada.");
  const introduced = await agents.execute({ ...session, messages: [text("My name is Ada.")] });
  agent(textOf(introduced.result?.messages));
  user("What is 12 * 34?");
  const answer = await agents.execute({ ...session, messages: [text("What is 12 * 34?")] });
  const messages = answer.result?.messages ?? [];
  const called = messages.some((message) => message.role === Role.TOOL);
  agent(textOf(messages));
  check(called, "a real tool was called");
  check(textOf(messages).includes("408"), "the answer is right");
  check(answer.state === TaskState.COMPLETED, "the task is COMPLETED");
}

async function streamATurn(): Promise<void> {
  title("2. StreamExecute: a second turn of the session, token by token");
  user("Count to 20");
  let streamed = "";
  let chunks = 0;
  let lastSequence = 0;
  let final = "";
  process.stdout.write("  demo> ");
  for await (const reply of agents.streamExecute({ ...session, messages: [text("Count to 20")] })) {
    check(reply.sequence === lastSequence + 1, `sequence ${reply.sequence} follows`, true);
    lastSequence = reply.sequence;
    const kind = reply.event?.kind;
    if (kind?.case === "chunk") {
      const delta = kind.value.choices[0]?.delta?.content ?? "";
      if (delta !== "") chunks++;
      streamed += delta;
      process.stdout.write(delta);
    }
    if (kind?.case === "stateChange" && kind.value.state === TaskState.COMPLETED) {
      final = textOf(kind.value.result?.messages);
    }
  }
  process.stdout.write("\n");
  check(chunks > 1, `it came in ${chunks} pieces, ${lastSequence} events without a gap`);
  check(streamed === final, "the pieces add up to the answer");
}

async function rememberTheFirst(): Promise<void> {
  title("3. The session remembers");
  user("What is my name?");
  const answer = await agents.execute({ ...session, messages: [text("What is my name?")] });
  agent(textOf(answer.result?.messages));
  check(textOf(answer.result?.messages).includes("Ada"), "it knows the name from the first turn");
  const { context, instance } = await sessions.getSession(session);
  check(context?.version === 4n, "four turns are committed");
  check(instance?.turnCount === 4, "one warm instance served all of them");
}

async function cancelALongOne(): Promise<void> {
  title("4. Cancel a long one");
  user("Count slowly to 600");
  const request = { ...session, messages: [text("Count slowly to 600")] };
  const { task } = await tasks.submitTask({ ...request, streaming: true });
  const taskId = task?.taskId ?? "";
  let progress = 0;
  let state: TaskState | undefined;
  for await (const { event } of tasks.watchTask({ taskId })) {
    const kind = event?.kind;
    if (kind?.case === "progress" && ++progress === 3) {
      const target = { case: "taskId" as const, value: taskId };
      const canceled = await tasks.cancelTask({ target, reason: "three is enough" });
      check(canceled.task?.state === TaskState.CANCELED, "CancelTask answers CANCELED");
    }
    if (kind?.case === "stateChange") state = kind.value.state;
  }
  check(state === TaskState.CANCELED, "the stream ends with CANCELED");
  check(progress < 10, `the tool stopped after ${progress} of 600 steps`);
  const { context } = await sessions.getSession(session);
  check(context?.version === 4n, "nothing of it reached the session");
}

async function printFigures(): Promise<void> {
  title("5. The figures");
  const status = await operations.getTaskManagerStatus({});
  const { queues } = await operations.getQueueStats({});
  const { instances } = await sessions.listInstances({});
  const { frameworks } = await operations.getFrameworkHealth({});
  show({
    task_manager_running: status.taskManagerRunning,
    worker_count: status.workerCount,
    active_instances: status.activeInstances,
    running_tasks: status.runningTasks,
    message_queue_type: status.messageQueueType,
    instances_cleaned: Number(status.instancesCleaned),
  });
  for (const queue of queues) {
    show({
      queue_name: queue.queueName,
      pending_messages: queue.pendingMessages,
      processing_messages: queue.processingMessages,
      completed_messages: Number(queue.completedMessages),
      failed_messages: Number(queue.failedMessages),
      average_processing_time: Number(queue.averageProcessingTime.toFixed(3)),
    });
  }
  for (const { sessionKey, turnCount, busy } of instances) {
    show({ session_key: sessionKey, turn_count: turnCount, busy });
  }
  for (const { framework, version, templatesLoaded, capabilities } of frameworks) {
    show({ framework, version, templates_loaded: templatesLoaded, capabilities });
  }
  check(status.runningTasks === 0, "nothing is left running");
  check(status.activeInstances === 1 && instances.length === 1, "one instance is warm");
  check(queues[0]?.completedMessages === 5n, "five tasks went through the queue");
}

function text(value: string) {
  return { role: Role.USER, content: [{ part: { case: "text" as const, value } }] };
}

/** The text of the last message: the answer. */
function textOf(messages: readonly Message[] = []): string {
  return (messages.at(-1)?.content ?? [])
    .map(({ part }) => (part.case === "text" ? part.value : ""))
    .join("");
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function title(line: string): void {
  say(`\n${line}`);
}

function user(line: string): void {
  say(`  you>  ${line}`);
}

function agent(line: string): void {
  say(`  demo> ${line}`);
}

function show(figures: object): void {
  say(`  ${JSON.stringify(figures)}`);
}

function check(holds: boolean, claim: string, silent = false): void {
  if (!holds) throw new Error(`not true: ${claim}`);
  if (!silent) say(`  ✓ ${claim}`);
}
