/** Carries out the commands of a run. */
import { MultitaskStrategy, OnDisconnect, Priority } from "../../gen/agentlane/v1/task_pb.js";
import { userMessage } from "../fakes/scripted-executor.ts";
import { principal as principalOf } from "../harness/principals.ts";
import type { Clients, KnownTask, SubmitRequest } from "./clients.ts";
import type { Command, SubmitCommand } from "./commands.ts";
import type { Node } from "./node.ts";
import { TENANTS, type World } from "./world.ts";

export async function applyCommand(
  world: World,
  clients: Clients,
  command: Command,
  order: number,
): Promise<void> {
  switch (command.type) {
    case "advance":
      return world.clock.advance(command.ms);
    case "jump":
      return world.clock.jump(command.ms);
    case "heal":
      for (const each of world.nodes()) each.storeCalls.heal();
      return;
    case "flush":
      return world.broker.flush();
    case "start-worker":
      return world.startWorker();
    case "zombie": {
      const process = pick(world.nodes(), command.node)?.process;
      process?.freeze();
      await world.clock.advance(command.ms);
      process?.thaw();
      return;
    }
    case "clean-up":
      for (const { worker } of world.workers) worker.cleanUp();
      return;
    case "drain": {
      const target = pick(world.workers, command.node);
      if (target?.process.state === "running") world.drain(target, command.timeoutMs);
      return;
    }
    default:
      await applyToNode(world, command);
      await applyCall(world, clients, command, order);
  }
}

async function applyToNode(world: World, command: Command): Promise<void> {
  if (!("node" in command)) return;
  const target: Node | undefined = pick(world.nodes(), command.node);
  if (!target) return;
  const { process, queueFaults, busFaults } = target;
  switch (command.type) {
    case "kill":
    case "freeze":
    case "thaw":
      process[command.type]();
      return;
    case "outage":
      target.storeCalls.fail();
      return;
    case "fault": {
      const ofQueue = ["ack", "nack", "publish", "depth"].includes(command.operation);
      const calls = ofQueue ? target.queueCalls : target.storeCalls;
      calls.arm(command.operation, command.fault);
      return;
    }
    case "lose":
    case "double": {
      const faults = command.what === "doorbells" ? queueFaults : busFaults;
      faults[command.type === "lose" ? "loseCount" : "doubleCount"] = command.count;
      return;
    }
    case "delay-notices":
      busFaults.delayMs = command.ms;
      return;
    default:
  }
}

async function applyCall(
  world: World,
  clients: Clients,
  command: Command,
  order: number,
): Promise<void> {
  const gateway = await world.gateway();
  const { manager, sessions, process } = gateway;
  /** Whatever the answer is: the history has what the store did. */
  const call = (work: Promise<unknown>): void => {
    world.inBackground(process, work.then(ignore, ignore));
  };
  switch (command.type) {
    case "submit": {
      const request = requestOf(world, command, order);
      if (command.isRun) clients.run(gateway, request, command.disconnectAfterMs);
      else clients.submit(gateway, request);
      return;
    }
    case "cancel": {
      const task = pick(clients.known, command.task);
      if (task) call(clients.cancel(gateway, task, command.byKey));
      return;
    }
    case "watch": {
      const task = pick(clients.known, command.task);
      if (task) clients.watch(gateway, task, command.after, command);
      return;
    }
    case "probe": {
      const task = pick(clients.known, command.task);
      if (task) call(clients.probe(gateway, task, strangerTo(task)));
      return;
    }
    case "redrive":
    case "purge":
      for (const tenant of TENANTS) {
        const ids = clients.known.filter((task) => task.tenant === tenant);
        const taskIds = ids.map(({ taskId }) => taskId);
        if (command.type === "redrive") call(manager.redrive(principalOf(tenant), taskIds));
        else call(manager.purgeDeadLetters(principalOf(tenant), {}));
      }
      return;
    case "destroy": {
      const tenant = tenantOf(command.tenant);
      call(sessions.destroy(principalOf(tenant), nameOf(command.session)));
      return;
    }
    case "import": {
      const principal = principalOf(tenantOf(command.tenant));
      const move = async (): Promise<void> => {
        const context = await sessions.export(principal, nameOf(command.from));
        const { sessionId } = nameOf(command.to);
        const version = context.version + 3n;
        const history = [...context.history, userMessage(`imported ${order}`)];
        const changed = { ...context, sessionId, version, history };
        await sessions.import(principal, changed, command.overwrite);
      };
      call(move());
      return;
    }
    default:
  }
}

function requestOf(world: World, command: SubmitCommand, order: number): SubmitRequest {
  const { key, variant, behaviours, session } = command;
  const tenant = tenantOf(command.tenant);
  const marker = key === 0 ? `m${order}` : `${tenant}-k${key}-v${variant}`;
  if (!world.behaviours.has(marker)) world.behaviours.set(marker, behaviours);
  const same = { ...command, tenant, marker, behaviours: [] };
  if (key === 0) return { ...same, idempotencyKey: "", sessionId: nameOf(session).sessionId };
  // A key names one request: what differs between repeats must not be part of it.
  return {
    tenant,
    marker,
    idempotencyKey: `k${key}`,
    sessionId: nameOf(key).sessionId,
    priority: Priority.NORMAL,
    strategy: MultitaskStrategy.ENQUEUE,
    onDisconnect: OnDisconnect.CANCEL,
    maxAttempts: 3,
    timeoutMs: 8000,
    streaming: command.streaming,
    deadlineInMs: command.deadlineInMs,
  };
}

function tenantOf(number: number): string {
  return TENANTS[number] ?? TENANTS[0];
}

function strangerTo({ tenant }: KnownTask): string {
  return TENANTS.find((other) => other !== tenant) ?? "nobody";
}

function nameOf(session: number): { agentId: string; sessionId: string } {
  return { agentId: "scripted", sessionId: session === 0 ? "" : `s${session}` };
}

function pick<T>(items: readonly T[], number: number): T | undefined {
  return items[number % Math.max(1, items.length)];
}

const ignore = (): void => undefined;
