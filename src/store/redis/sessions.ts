/** Sessions: the context that turns commit, and the end of it all. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import {
  ExecutionContextSchema,
  type SessionSummary,
  SessionSummarySchema,
} from "../../../gen/agentlane/v1/session_pb.js";
import { AttemptOutcome, TaskErrorSchema } from "../../../gen/agentlane/v1/task_pb.js";
import { writeChange } from "../../redis/entries.ts";
import { bytes, list, number, text } from "../../redis/reply.ts";
import type { Page, PageRequest, SessionStore } from "../contract.ts";
import { canceledError, sessionReplacedNotice } from "../messages.ts";
import { sessionBusy, sessionExists, tenantClosed } from "../refusals.ts";
import { writeContext } from "./attempts.ts";
import { joinEffects, readEffects } from "./effects.ts";
import { decodePart, encodePart, sessionName, taskRefOf } from "./keys.ts";
import { type Found, orderBound, pageOf, type Step } from "./paging.ts";
import type { Redis } from "./store.ts";

const STEP_COUNT = 200;

export function createSessions(redis: Redis): SessionStore {
  return {
    async load(ref) {
      const key = `:s:${sessionName(ref)}`;
      const reply = list(await redis.send("hmget", key, ["x", "e", "ca", "ua"]));
      const [stored, etag, created, updated] = reply;
      if (stored === null) return undefined;
      const context = fromBinary(ExecutionContextSchema, bytes(stored));
      context.createdAt = readInstant(text(created));
      context.updatedAt = readInstant(text(updated));
      return { context, etag: text(etag) };
    },

    async lane(ref) {
      const names = list(await redis.send("lrange", `:sl:${sessionName(ref)}`, [0, -1]));
      return names.map((name) => taskRefOf(text(name)).taskId);
    },

    list: (tenant, filter, page) => listSessions(redis, tenant, filter, page),

    async import(ref, context, overwrite) {
      const reply = list(
        await redis.run("import", [
          sessionName(ref),
          overwrite ? "1" : "",
          writeContext(context),
          `${context.version}`,
          context.history.length,
          writeInstant(context.createdAt),
          writeInstant(context.updatedAt),
        ]),
      );
      const [outcome, count] = reply;
      if (text(outcome) === "BUSY") throw sessionBusy(ref.sessionId, number(count));
      if (text(outcome) === "CLOSED") throw tenantClosed();
      if (text(outcome) === "EXISTS") throw sessionExists(ref.sessionId);
      return { effects: { doorbells: [], notices: [sessionReplacedNotice(ref)] } };
    },

    /** In steps: one that fails leaves those before it done, and a repeat goes on. */
    async destroy(ref) {
      const error = canceledError("the session was destroyed");
      const args = [
        sessionName(ref),
        writeChange({ error }),
        Buffer.from(toBinary(TaskErrorSchema, error)),
        error.message,
        AttemptOutcome.CANCELED,
      ];
      const steps: (readonly unknown[])[] = [];
      let position = ["", ""];
      do {
        const step = list(await redis.run("destroy", [...args, ...position]));
        steps.push(step);
        position = list(step[5]).map((each) => `${number(each)}`);
      } while (position.length > 0);
      const effects = steps.map(([, , now, notices, bells]) =>
        readEffects({ now, notices, bells }),
      );
      const { notices, ...others } = joinEffects(effects);
      return {
        existed: steps[0]?.[0] === 1,
        canceledCount: steps.reduce((sum, [, count]) => sum + number(count), 0),
        effects: { ...others, notices: [...notices, sessionReplacedNotice(ref)] },
      };
    },
  };
}

function listSessions(
  redis: Redis,
  tenant: string,
  filter: { agentId?: string },
  page: PageRequest,
): Promise<Page<SessionSummary>> {
  return pageOf(page, async (before): Promise<Step<SessionSummary>> => {
    const args = [encodePart(tenant), orderBound(before), STEP_COUNT];
    const replies = list(await redis.run("sessions", args)).map(list);
    const items: Found<SessionSummary>[] = [];
    for (const [name, order, version, messageCount, created, updated] of replies) {
      const [agentId = "", sessionId = ""] = text(name).split(":").map(decodePart);
      if (filter.agentId && agentId !== filter.agentId) continue;
      const item = create(SessionSummarySchema, {
        agentId,
        sessionId,
        version: BigInt(text(version)),
        messageCount: number(messageCount),
        createdAt: readInstant(text(created)),
        updatedAt: readInstant(text(updated)),
      });
      items.push({ order: number(order), item, bytes: 0 });
    }
    const last = replies.at(-1)?.[1];
    return { items, next: replies.length < STEP_COUNT ? undefined : number(last) };
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
