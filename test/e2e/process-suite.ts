/** Gateways and workers as processes of their own, on any backends. A test calls it with one line. */
import { toBinary } from "@bufbuild/protobuf";
import { Code, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AgentService } from "../../gen/agentlane/v1/agent_service_pb.js";
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { OperationsService } from "../../gen/agentlane/v1/operations_service_pb.js";
import { SessionService } from "../../gen/agentlane/v1/session_service_pb.js";
import { TaskEventSchema, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { TaskService } from "../../gen/agentlane/v1/task_service_pb.js";
import { type ServingProcess, serve } from "../harness/process.ts";

const LEASE_MS = 2000;

/** Servers for one installation, empty at first. */
export interface Installation {
  /** What a process of it is told. */
  readonly environment: Readonly<Record<string, string>>;
  /** Ends the servers that are its own, and leaves nothing behind on others. */
  stop(): Promise<void>;
}

export interface ProcessSuite {
  readonly name: string;
  /** False = skipped; what is missing was told. */
  readonly isAvailable: boolean;
  readonly install: () => Promise<Installation>;
}

export function testProcesses({ name, isAvailable, install }: ProcessSuite): void {
  // Some tests start all four processes anew.
  const slowly = { timeout: 120_000 };
  describe.skipIf(!isAvailable)(`two gateways and two workers on ${name}`, slowly, () => {
    let installation: Installation;
    let gateways: Gateway[] = [];
    let workers: ServingProcess[] = [];
    let sessionCount = 0;

    beforeAll(async () => {
      installation = await install();
      await startAll();
    }, 120_000);
    afterAll(async () => {
      await endAll("SIGKILL");
      await installation?.stop();
    });

    async function startAll(): Promise<void> {
      const starting = [gateway(), gateway()] as const;
      workers = await Promise.all([worker(), worker()]);
      gateways = await Promise.all(starting);
    }

    async function endAll(signal: NodeJS.Signals): Promise<void> {
      const all = [...gateways.map(({ process }) => process), ...workers];
      for (const process of all) process.kill(signal);
      await Promise.all(all.map((process) => process.exited));
    }

    async function gateway() {
      return clientsOf(await serve([], environment({ TASK_MANAGER_ENABLED: "false" })));
    }

    function worker(): Promise<ServingProcess> {
      return serve([], environment({ DRAIN_TIMEOUT: "0.3" }));
    }

    function environment(own: Record<string, string>): Record<string, string> {
      return {
        ...installation.environment,
        LEASE_DURATION: String(LEASE_MS / 1000),
        LEASE_RENEW_INTERVAL: "0.5",
        ...own,
      };
    }

    function clientsOf(process: ServingProcess) {
      const transport = createGrpcTransport({ baseUrl: `http://${process.address}` });
      return {
        process,
        agents: createClient(AgentService, transport),
        tasks: createClient(TaskService, transport),
        sessions: createClient(SessionService, transport),
        operations: createClient(OperationsService, transport),
      };
    }
    type Gateway = ReturnType<typeof clientsOf>;

    function at(index: number): Gateway {
      const found = gateways[index];
      if (!found) throw new Error("the gateways are not started");
      return found;
    }

    function turn(sessionId: string, configurable: Record<string, number> = {}) {
      const text = { part: { case: "text" as const, value: "hello again and again" } };
      return {
        agentId: "echo",
        sessionId,
        messages: [{ role: Role.USER, content: [text] }],
        configurable,
        retryPolicy: { initialBackoff: { seconds: 0n, nanos: 10_000_000 } },
      };
    }

    const newSession = (): string => `s${++sessionCount}`;

    /** The process that runs the task's newest attempt, and the others. */
    async function runnerOf(taskId: string): Promise<ServingProcess> {
      const { task } = await at(0).tasks.getTask({ taskId });
      const { workers: listed } = await at(0).operations.listWorkers({});
      const workerId = task?.attempts.at(-1)?.workerId;
      const host = listed.find((each) => each.workerId === workerId)?.host ?? "";
      const runner = workers.find(({ pid }) => host.endsWith(`:${pid}`));
      if (!runner) throw new Error(`nobody runs task ${taskId}`);
      return runner;
    }

    async function replace(process: ServingProcess): Promise<void> {
      workers = [...workers.filter((each) => each !== process), await worker()];
    }

    /** Streams a slow turn through the first gateway, and calls `meanwhile` once it has begun. */
    async function stream(sessionId: string, meanwhile: (taskId: string) => Promise<void>) {
      const entries: { attempt: number; sequence: number; bytes: string }[] = [];
      let last: TaskState | undefined;
      let doing: Promise<void> | undefined;
      let id = "";
      const slow = turn(sessionId, { tokens: 60, delayMs: 30 });
      for await (const { taskId, attempt, sequence, event } of at(0).agents.streamExecute(slow)) {
        id = taskId;
        if (!event) continue;
        entries.push({ attempt, sequence, bytes: hex(toBinary(TaskEventSchema, event)) });
        if (event.kind.case === "stateChange") last = event.kind.value.state;
        if (sequence === 8) doing = meanwhile(taskId);
      }
      await doing;
      return { id, entries, last };
    }

    const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

    it("runs a session's turns in order, whichever gateway they come through", async () => {
      const sessionId = newSession();
      const turns = Array.from({ length: 20 }, (_, index) =>
        at(index % 2).agents.execute(turn(sessionId)),
      );
      const versions = (await Promise.all(turns)).map(({ result }) =>
        Number(result?.sessionVersion),
      );
      expect(versions.sort((one, other) => one - other)).toEqual(
        Array.from({ length: 20 }, (_, index) => index + 1),
      );
      const { context } = await at(1).sessions.getSession({ agentId: "echo", sessionId });
      expect(context?.version).toBe(20n);
      expect(context?.history.map(({ role }) => role)).toEqual(
        Array.from({ length: 20 }, () => [Role.USER, Role.ASSISTANT]).flat(),
      );
    });

    it("shows a stream byte for byte on the other gateway, while it runs and afterwards", async () => {
      const watched: { attempt: number; sequence: number; bytes: string }[] = [];
      const watch = async (taskId: string): Promise<void> => {
        for await (const { attempt, sequence, event } of at(1).tasks.watchTask({ taskId })) {
          if (event)
            watched.push({ attempt, sequence, bytes: hex(toBinary(TaskEventSchema, event)) });
        }
      };
      const { id, entries } = await stream(newSession(), watch);
      expect(watched).toEqual(entries);
      expect(watched.map(({ sequence }) => sequence)).toEqual(watched.map((_, index) => index + 1));
      const rest: number[] = [];
      for await (const { sequence } of at(1).tasks.watchTask({ taskId: id, afterSequence: 5 })) {
        rest.push(sequence);
      }
      expect(rest).toEqual(entries.slice(5).map(({ sequence }) => sequence));
    });

    it("cancels from the other gateway within a second", async () => {
      let canceledAt = 0;
      const canceling = stream(newSession(), async (taskId) => {
        canceledAt = performance.now();
        await at(1).tasks.cancelTask({ target: { case: "taskId", value: taskId } });
      });
      await expect(canceling).rejects.toMatchObject({ code: Code.Canceled });
      expect(performance.now() - canceledAt).toBeLessThan(1000);
    });

    it("tells the same story from both gateways, and destroys a session everywhere", async () => {
      const sessionId = newSession();
      await at(0).agents.execute(turn(sessionId));
      const isWarm = async (index: number): Promise<boolean> => {
        const { instances } = await at(index).sessions.listInstances({ pageSize: 500 });
        return instances.some((instance) => instance.sessionId === sessionId);
      };
      await expect.poll(() => isWarm(1), { timeout: 10_000 }).toBe(true);
      const stories = await Promise.all(
        [0, 1].map(async (index) => ({
          instances: await at(index).sessions.listInstances({ pageSize: 500 }),
          stats: await at(index).operations.getQueueStats({}),
          deadLetters: await at(index).tasks.listDeadLetters({}),
        })),
      );
      expect(stories[0]).toEqual(stories[1]);
      const { destroyed } = await at(1).sessions.destroySession({ agentId: "echo", sessionId });
      expect(destroyed).toBe(true);
      await expect.poll(() => isWarm(0), { timeout: 10_000 }).toBe(false);
    });

    it("runs a killed worker's task again elsewhere, within its lease", async () => {
      let killedAt = 0;
      let resumedAfterMs = 0;
      let killed: ServingProcess | undefined;
      const watch = async (taskId: string): Promise<void> => {
        killed = await runnerOf(taskId);
        killed.kill("SIGKILL");
        killedAt = performance.now();
        for await (const { attempt } of at(1).tasks.watchTask({ taskId })) {
          if (attempt === 2 && resumedAfterMs === 0) resumedAfterMs = performance.now() - killedAt;
        }
      };
      const { id, entries, last } = await stream(newSession(), watch);
      expect(last).toBe(TaskState.COMPLETED);
      expect(resumedAfterMs).toBeLessThan(LEASE_MS + 3000);
      expect(entries.map(({ sequence }) => sequence)).toEqual(entries.map((_, index) => index + 1));
      const { task } = await at(0).tasks.getTask({ taskId: id });
      expect(task?.consumedAttempts).toBe(2);
      if (killed) await replace(killed);
    });

    it("hands a stopped worker's task over, without an attempt and with the stream open", async () => {
      let stopped: ServingProcess | undefined;
      const { id, entries, last } = await stream(newSession(), async (taskId) => {
        stopped = await runnerOf(taskId);
        stopped.kill("SIGTERM");
      });
      expect(last).toBe(TaskState.COMPLETED);
      expect(entries.at(-1)?.attempt).toBe(2);
      const { task } = await at(1).tasks.getTask({ taskId: id });
      expect(task?.consumedAttempts).toBe(1);
      expect(await stopped?.exited).toBe(0);
      if (stopped) await replace(stopped);
    });

    it("sends a session's turns to the worker that has it warm", async () => {
      const sessions = Array.from({ length: 20 }, newSession);
      const workersOf = new Map<string, string[]>();
      const talk = async (sessionId: string, index: number): Promise<void> => {
        const seen: string[] = [];
        for (let round = 0; round < 10; round++) {
          const slow = turn(sessionId, { tokens: 2, delayMs: 10 });
          const { taskId } = await at((index + round) % 2).agents.execute(slow);
          const { task } = await at(0).tasks.getTask({ taskId });
          seen.push(task?.attempts.at(-1)?.workerId ?? "");
          await new Promise((resolve) => setTimeout(resolve, 150));
        }
        workersOf.set(sessionId, seen);
      };
      await Promise.all(sessions.map(talk));
      const moves = [...workersOf.values()].flatMap((seen) => {
        return seen.slice(1).map((workerId, index) => workerId === seen[index]);
      });
      const warmRatio = moves.filter(Boolean).length / moves.length;
      console.log(`warm ${warmRatio.toFixed(3)} of ${moves.length} turns`);
      expect(warmRatio).toBeGreaterThan(0.8);
      expect(new Set([...workersOf.values()].flat()).size).toBe(2);
    });

    it("keeps sessions over a restart of everything", async () => {
      const sessionId = newSession();
      await at(0).agents.execute(turn(sessionId));
      await endAll("SIGKILL");
      await startAll();
      const { result } = await at(1).agents.execute(turn(sessionId));
      expect(result?.sessionVersion).toBe(2n);
    });
  });
}
