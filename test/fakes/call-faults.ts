import type { Clock } from "../../src/clock.ts";
import { AgentlaneError } from "../../src/errors.ts";
import type { FakeProcess } from "./fake-process.ts";

/** What may happen to a call from a process to a backend. */
export type CallFault =
  /** Refused; nothing was done. */
  | { readonly kind: "unavailable" }
  /** Done, but the caller is told that the backend did not answer. */
  | { readonly kind: "lost-reply" }
  /** The caller dies before the call leaves it, or before the reply reaches it. */
  | { readonly kind: "crash-before" }
  | { readonly kind: "crash-after" }
  /** The caller dies; the call arrives this much later all the same. */
  | { readonly kind: "crash-late"; readonly ms: number }
  /** On its way for this long; it arrives even when the caller dies meanwhile. */
  | { readonly kind: "slow-request"; readonly ms: number }
  | { readonly kind: "slow-reply"; readonly ms: number };

export interface CallFaults {
  /** The next call of this operation meets the fault. */
  arm(operation: string, fault: CallFault): void;
  /** Refuses all calls from now on until `heal`. */
  fail(): void;
  heal(): void;
  /** Runs a call through what was armed for it. */
  call<T>(operation: string, run: () => Promise<T>): Promise<T>;
}

const NEVER = new Promise<never>(() => undefined);

/** `world`: the clock of the network, which goes on while the process does not. */
export function callFaults(process: FakeProcess, world: Clock): CallFaults {
  const armed = new Map<string, CallFault[]>();
  let failing = false;

  async function meet<T>(fault: CallFault | undefined, run: () => Promise<T>): Promise<T> {
    switch (fault?.kind) {
      case undefined:
        return run();
      case "unavailable":
        throw unavailable();
      case "lost-reply":
        await run();
        throw unavailable();
      case "crash-before":
        process.kill();
        return NEVER;
      case "crash-after":
        await run();
        process.kill();
        return NEVER;
      case "crash-late":
        process.kill();
        await world.sleep(fault.ms);
        await run();
        return NEVER;
      case "slow-request":
        await world.sleep(fault.ms);
        return run();
      case "slow-reply": {
        const reply = await run();
        await world.sleep(fault.ms);
        return reply;
      }
    }
  }

  return {
    arm(operation, fault) {
      armed.set(operation, [...(armed.get(operation) ?? []), fault]);
    },
    fail() {
      failing = true;
    },
    heal() {
      failing = false;
      armed.clear();
    },
    async call(operation, run) {
      if (process.state !== "running") await process.turn();
      const fault = armed.get(operation)?.shift();
      try {
        if (failing) throw unavailable();
        return await meet(fault, run);
      } finally {
        if (process.state !== "running") await process.turn();
      }
    },
  };
}

function unavailable(): AgentlaneError {
  return new AgentlaneError("unavailable", "FAULT", "the backend did not answer");
}
