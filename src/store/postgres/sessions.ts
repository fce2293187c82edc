/** Sessions: the context that turns commit, and the end of it all. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import {
  ExecutionContextSchema,
  SessionSummarySchema,
} from "../../../gen/agentlane/v1/session_pb.js";
import { AttemptOutcome, TaskErrorSchema } from "../../../gen/agentlane/v1/task_pb.js";
import type { SessionRef, SessionStore } from "../contract.ts";
import { canceledError, sessionReplacedNotice } from "../messages.ts";
import { sessionBusy, sessionExists, tenantClosed } from "../refusals.ts";
import { writeContext } from "./attempts.ts";
import { joinEffects, readFreshEffects } from "./effects.ts";
import { writeChange } from "./entries.ts";
import { readText, writeText } from "./names.ts";
import { pageOf, STEP_COUNT } from "./paging.ts";
import { Fields } from "./reply.ts";
import type { Postgres } from "./store.ts";

/** A step of a destroy ends all that is unfinished, or deletes some thousand tasks with their logs. */
const STEP_LIMITS = { timeoutMs: 10_000 };

export function createSessions(postgres: Postgres): SessionStore {
  return {
    async load(ref) {
      const [answer] = await postgres.query("session", nameOf(ref));
      if (answer === undefined) return undefined;
      const row = new Fields(answer);
      const context = fromBinary(ExecutionContextSchema, row.bytes("context"));
      context.createdAt = readInstant(row.text("created_at"));
      context.updatedAt = readInstant(row.text("updated_at"));
      return { context, etag: row.text("etag") };
    },

    async lane(ref) {
      return (await postgres.query("lane", nameOf(ref))).map((taskId) => readText(String(taskId)));
    },

    list(tenant, { agentId }, page) {
      return pageOf(page, async (before, count) => {
        const agent = agentId ? writeText(agentId) : null;
        const args = [writeText(tenant), before, STEP_COUNT, count, agent];
        const [answer] = await postgres.query("sessions", args);
        const found = new Fields(answer);
        const items = found.list("sessions").map((each) => {
          const row = new Fields(each);
          return { order: row.number("order"), item: summaryOf(row) };
        });
        const [lookedAtCount, lastOrder] = [found.number("looked"), found.number("last")];
        return { items, foundCount: items.length, lookedAtCount, lastOrder };
      });
    },

    async import(ref, context, overwrite) {
      const answer = new Fields(
        await postgres.call("import_context", [
          ...nameOf(ref),
          overwrite,
          writeContext(context),
          `${context.version}`,
          context.history.length,
          writeInstant(context.createdAt),
          writeInstant(context.updatedAt),
        ]),
      );
      const outcome = answer.text("outcome");
      if (outcome === "BUSY") throw sessionBusy(ref.sessionId, answer.number("count"));
      if (outcome === "CLOSED") throw tenantClosed();
      if (outcome === "EXISTS") throw sessionExists(ref.sessionId);
      return { effects: { doorbells: [], notices: [sessionReplacedNotice(ref)] } };
    },

    async destroy(ref) {
      const error = canceledError("the session was destroyed");
      const args = [
        ...nameOf(ref),
        writeChange({ error }),
        Buffer.from(toBinary(TaskErrorSchema, error)),
        error.message,
        AttemptOutcome.CANCELED,
      ];
      const steps: Fields[] = [];
      do {
        const before = steps[0]?.number("before") ?? null;
        steps.push(
          new Fields(await postgres.call("destroy_session", [...args, before], STEP_LIMITS)),
        );
      } while (steps.at(-1)?.flag("left"));
      const { notices, ...others } = joinEffects(steps.map(readFreshEffects));
      return {
        existed: steps[0]?.flag("existed") ?? false,
        canceledCount: steps.reduce((sum, step) => sum + step.number("count"), 0),
        effects: { ...others, notices: [...notices, sessionReplacedNotice(ref)] },
      };
    },
  };
}

function nameOf({ tenant, agentId, sessionId }: SessionRef): string[] {
  return [tenant, agentId, sessionId].map(writeText);
}

function summaryOf(row: Fields) {
  return create(SessionSummarySchema, {
    agentId: row.text("agent_id"),
    sessionId: row.text("session_id"),
    version: BigInt(row.text("version")),
    messageCount: row.number("message_count"),
    createdAt: readInstant(row.text("created_at")),
    updatedAt: readInstant(row.text("updated_at")),
  });
}

/** Seconds and nanoseconds, so that an imported instant comes back as it was. */
function writeInstant(instant: Timestamp | undefined): string {
  return instant ? `${instant.seconds} ${instant.nanos}` : "";
}

function readInstant(stored: string): Timestamp {
  const [seconds = "0", nanos = "0"] = stored.split(" ");
  return {
    $typeName: "google.protobuf.Timestamp",
    seconds: BigInt(seconds),
    nanos: Number(nanos),
  };
}
