/** POLICY of sessions: look at them, move them, end them. */
import type {
  ExecutionContext,
  Instance,
  SessionSummary,
} from "../../gen/agentlane/v1/session_pb.js";
import type { Page, PageRequest } from "../store/contract.ts";
import type { Principal } from "./task-manager.ts";

export interface SessionName {
  readonly agentId: string;
  readonly sessionId: string;
}

export interface SessionView {
  readonly context: ExecutionContext;
  readonly instance: Instance | undefined;
  readonly unfinishedTaskIds: string[];
}

export interface SessionManager {
  /** `not_found` when it has neither a committed turn nor an instance nor unfinished tasks. */
  get(principal: Principal, name: SessionName): Promise<SessionView>;
  list(
    principal: Principal,
    filter: { agentId?: string },
    page: PageRequest,
  ): Promise<Page<SessionSummary>>;
  listInstances(
    principal: Principal,
    filter: { agentId?: string; workerId?: string },
    page: PageRequest,
  ): Promise<Page<Instance> & { totalCount: number }>;
  destroy(
    principal: Principal,
    name: SessionName,
  ): Promise<{ destroyed: boolean; canceledTaskCount: number }>;
  /** `not_found` before the first committed turn. */
  export(principal: Principal, name: SessionName): Promise<ExecutionContext>;
  /** Answers the version the session has now. */
  import(principal: Principal, context: ExecutionContext, overwrite: boolean): Promise<bigint>;
}
