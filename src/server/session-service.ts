import { create } from "@bufbuild/protobuf";
import { InstanceSchema, SessionSummarySchema } from "../../gen/agentlane/v1/session_pb.js";
import {
  DestroySessionResponseSchema,
  ExportSessionResponseSchema,
  GetSessionResponseSchema,
  ImportSessionResponseSchema,
  ListInstancesResponseSchema,
  ListSessionsResponseSchema,
  type SessionService,
} from "../../gen/agentlane/v1/session_service_pb.js";
import { invalidField } from "../errors.ts";
import type { SessionManager } from "../tasks/session-manager.ts";
import { filled, fittingPage, pageOf } from "./page.ts";
import type { Implementation } from "./rpc.ts";

/** `maxMessageBytes`: of a reply; pages are cut to it. */
export function sessionService(
  sessions: SessionManager,
  maxMessageBytes: number,
): Implementation<typeof SessionService> {
  return {
    async getSession({ agentId, sessionId }, { principal }) {
      const view = await sessions.get(principal, { agentId, sessionId });
      const { context, instance, unfinishedTaskIds } = view;
      const reply = { context: { ...context, checkpoint: new Uint8Array() }, unfinishedTaskIds };
      return create(GetSessionResponseSchema, instance ? { ...reply, instance } : reply);
    },

    async listSessions(request, { principal }) {
      const filter = filled({ agentId: request.agentId });
      const { items, nextToken } = await fittingPage(
        SessionSummarySchema,
        maxMessageBytes,
        pageOf(request),
        (page) => sessions.list(principal, filter, page),
      );
      return create(ListSessionsResponseSchema, { sessions: items, nextPageToken: nextToken });
    },

    async listInstances(request, { principal }) {
      const filter = filled({ agentId: request.agentId, workerId: request.workerId });
      const found = await fittingPage(InstanceSchema, maxMessageBytes, pageOf(request), (page) =>
        sessions.listInstances(principal, filter, page),
      );
      const { items: instances, nextToken: nextPageToken, totalCount } = found;
      return create(ListInstancesResponseSchema, { instances, nextPageToken, totalCount });
    },

    async destroySession({ agentId, sessionId }, { principal }) {
      const ended = await sessions.destroy(principal, { agentId, sessionId });
      return create(DestroySessionResponseSchema, ended);
    },

    async exportSession({ agentId, sessionId }, { principal }) {
      const context = await sessions.export(principal, { agentId, sessionId });
      return create(ExportSessionResponseSchema, { context });
    },

    async importSession({ context, overwrite }, { principal }) {
      if (!context) throw invalidField("context", "is required");
      const version = await sessions.import(principal, context, overwrite);
      return create(ImportSessionResponseSchema, { version });
    },
  };
}
