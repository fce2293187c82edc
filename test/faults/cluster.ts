/** Gateways, workers and their backend, each a process of its own. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { AgentService } from "../../gen/agentlane/v1/agent_service_pb.js";
import { OperationsService } from "../../gen/agentlane/v1/operations_service_pb.js";
import { SessionService } from "../../gen/agentlane/v1/session_service_pb.js";
import { TaskService } from "../../gen/agentlane/v1/task_service_pb.js";
import { type ServingProcess, serve } from "../harness/process.ts";
import type { RunningBackend } from "./backends/contract.ts";
import { type FaultSettings, LEASE_MS, RENEW_MS, SWEEP_MS } from "./settings.ts";

const AGENTS = new URL("agents/agentlane.json", import.meta.url).pathname;
/** Processes start often here. */
const COMPILE_CACHE = join(tmpdir(), "agentlane-faults-compile-cache");

export type Clients = ReturnType<typeof clientsOf>;

/** A place that a process runs in; killed ones are followed by new ones. */
export interface Place {
  readonly name: string;
  /** A server is both. */
  readonly role: "gateway" | "worker" | "server";
  /** It reaches the backend through its proxies. */
  readonly isProxied: boolean;
  readonly environment: Readonly<Record<string, string>>;
  process: ServingProcess | undefined;
  clients: Clients | undefined;
  /** Of the running process, once the worker has been seen. */
  workerId: string | undefined;
  /** Another fault has it. */
  isTaken: boolean;
}

export interface Cluster {
  readonly backend: RunningBackend;
  readonly places: readonly Place[];
  /** Clients of the running gateways; waits while there is none, until the signal aborts. */
  gateways(signal: AbortSignal): Promise<Clients[]>;
  start(place: Place): Promise<void>;
  kill(place: Place): Promise<void>;
  /** Lines that processes have logged as errors, without what varies, and how often. */
  errors(): Map<string, number>;
  /** Exits that nobody asked for. */
  readonly crashes: readonly string[];
  stop(): Promise<void>;
}

export async function startCluster(settings: FaultSettings): Promise<Cluster> {
  const backend = await settings.backend.start();
  const places = placesOf(settings, backend);
  const ended: ServingProcess[] = [];
  const crashes: string[] = [];
  const starting = new Set<Promise<void>>();
  /** Only what has run once is worth repeating: a first start that fails is a mistake. */
  let isSupervised = false;
  let gatewayStarted = Promise.withResolvers<void>();

  /** As a supervisor does: a start that fails, for the backend is away, is repeated. */
  async function started(place: Place): Promise<ServingProcess> {
    for (;;) {
      try {
        return await serve([], place.environment);
      } catch (error) {
        if (!isSupervised || settings.signal.aborted) throw error;
      }
    }
  }
  function start(place: Place): Promise<void> {
    const started = startIn(place).finally(() => starting.delete(started));
    starting.add(started);
    return started;
  }
  async function startIn(place: Place): Promise<void> {
    const process = await started(place);
    place.process = process;
    void process.exited.then((code) => {
      if (place.process === process) crashes.push(`${place.name} exited with ${code}`);
    });
    if (place.role === "worker") return;
    place.clients = clientsOf(process.address);
    gatewayStarted.resolve();
    gatewayStarted = Promise.withResolvers();
  }
  async function kill(place: Place): Promise<void> {
    const { process, clients } = place;
    if (!process) return;
    place.process = undefined;
    place.clients = undefined;
    place.workerId = undefined;
    process.kill("SIGKILL");
    await process.exited;
    clients?.close();
    ended.push(process);
  }

  async function stop(): Promise<void> {
    isSupervised = false;
    // What is just starting would outlive its own end.
    await Promise.allSettled(starting);
    await Promise.all(places.map(kill));
    await backend.stop();
  }

  const starts = await Promise.allSettled(places.map(start));
  const failed = starts.find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") {
    await stop();
    throw failed.reason;
  }
  isSupervised = true;
  return {
    backend,
    places,
    crashes,
    start,
    kill,
    async gateways(signal) {
      for (;;) {
        const started = gatewayStarted.promise;
        const found = places.flatMap(({ clients }) => clients ?? []);
        if (found.length > 0) return found;
        await unlessAborted(started, signal);
      }
    },
    errors() {
      const counts = new Map<string, number>();
      const all = [...ended, ...places.flatMap(({ process }) => process ?? [])];
      for (const line of all.flatMap((process) => errorLines(process.output()))) {
        counts.set(line, (counts.get(line) ?? 0) + 1);
      }
      return counts;
    },
    stop,
  };
}

/** The first gateway and the first worker are proxied. */
function placesOf(settings: FaultSettings, backend: RunningBackend): Place[] {
  const place = (role: Place["role"], index: number): Place => ({
    name: `${role}-${index}`,
    role,
    isProxied: settings.backend.isRemote && index === 0,
    environment: {
      ...backend.environment(settings.backend.isRemote && index === 0),
      AGENTS,
      LEASE_DURATION: String(LEASE_MS / 1000),
      LEASE_RENEW_INTERVAL: String(RENEW_MS / 1000),
      SWEEP_INTERVAL: String(SWEEP_MS / 1000),
      CANCEL_GRACE: "1",
      TASK_MANAGER_ENABLED: String(role !== "gateway"),
      TASK_MANAGER_WORKERS: String(settings.slotCount),
      MAX_CONCURRENT_STREAMS: "10000",
      LOG_LEVEL: "error",
      NODE_COMPILE_CACHE: COMPILE_CACHE,
    },
    process: undefined,
    clients: undefined,
    workerId: undefined,
    isTaken: false,
  });
  if (settings.backend.layout === "single") return [place("server", 0)];
  return [
    ...Array.from({ length: settings.gatewayCount }, (_, index) => place("gateway", index)),
    ...Array.from({ length: settings.workerCount }, (_, index) => place("worker", index)),
  ];
}

function clientsOf(address: string) {
  const baseUrl = `http://${address}`;
  const sessionManager = new Http2SessionManager(baseUrl);
  const transport = createGrpcTransport({ baseUrl, sessionManager });
  return {
    address,
    agents: createClient(AgentService, transport),
    tasks: createClient(TaskService, transport),
    sessions: createClient(SessionService, transport),
    operations: createClient(OperationsService, transport),
    close: () => sessionManager.abort(),
  };
}

async function unlessAborted(waited: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await Promise.race([waited, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

interface LogLine {
  readonly message: string;
  readonly chore?: string;
  readonly error?: { readonly reason?: string; readonly message?: string };
}

function errorLines(output: string): string[] {
  return output.split("\n").flatMap((line) => {
    if (!line.startsWith("{")) return [];
    const { message, chore, error } = JSON.parse(line) as LogLine;
    const parts = [message, chore, error?.reason, error?.message?.slice(0, 100)];
    return [
      parts
        .filter(Boolean)
        .join(" · ")
        .replaceAll(/[0-9a-f-]{36}|\d+/g, "…"),
    ];
  });
}
