import type { Clock } from "../../src/clock.ts";
import type { Effects, Store, TaskStore } from "../../src/store/contract.ts";
import { type HistoryRecord, sessionOf } from "./history.ts";
import type { Recorder } from "./recorder.ts";

type Put = (record: HistoryRecord) => void;

const ALL = { size: 1000, token: "" };

/**
 * Records what a memory store does, whether or not its caller learns of it. The memory store works
 * in the call itself, so the place of a record is taken before the call.
 */
export function recordingStore(inner: Store, clock: Clock, recorder: Recorder): Store {
  return {
    ...inner,
    tasks: recordingTasks(inner, clock, recorder),
    deadLetters: recordingDeadLetters(inner, clock, recorder),
    sessions: recordingSessions(inner, clock, recorder),
  };
}

function recordingDeadLetters(
  { deadLetters }: Store,
  clock: Clock,
  recorder: Recorder,
): Store["deadLetters"] {
  return {
    ...deadLetters,
    async redrive(tenant, taskIds) {
      const put = recorder.place();
      const answer = await deadLetters.redrive(tenant, taskIds);
      for (const taskId of answer.redriven) {
        put({ type: "redriven", at: clock.now(), tenant, taskId });
      }
      putEntries(put, clock, answer.effects);
      return answer;
    },
    async purge(tenant, selection) {
      const put = recorder.place();
      const [before, count, after] = await Promise.all([
        deadLetters.list(tenant, {}, ALL),
        deadLetters.purge(tenant, selection),
        deadLetters.list(tenant, {}, ALL),
      ]);
      const kept = new Set(after.items.map(({ taskId }) => taskId));
      for (const { taskId } of before.items) {
        if (!kept.has(taskId)) put({ type: "removed", at: clock.now(), tenant, taskId });
      }
      return count;
    },
  };
}

function recordingSessions(
  { sessions, log }: Store,
  clock: Clock,
  recorder: Recorder,
): Store["sessions"] {
  return {
    ...sessions,
    async import(ref, context, overwrite) {
      const put = recorder.place();
      const answer = await sessions.import(ref, context, overwrite);
      const session = sessionOf(ref.tenant, ref);
      put({ type: "imported", at: clock.now(), session, context });
      return answer;
    },
    async destroy(ref) {
      const { tenant, agentId, sessionId } = ref;
      const put = recorder.place();
      const [before, answer] = await Promise.all([
        log.list(tenant, { agentId, sessionId }, ALL),
        sessions.destroy(ref),
      ]);
      const at = clock.now();
      putEntries(put, clock, answer.effects);
      for (const { taskId } of before.items) put({ type: "removed", at, tenant, taskId });
      put({ type: "destroyed", at, session: sessionOf(tenant, ref) });
      return answer;
    },
  };
}

function recordingTasks({ tasks, sessions }: Store, clock: Clock, recorder: Recorder): TaskStore {
  const claimIds = new Set<string>();
  return {
    ...tasks,
    async create(submission) {
      const put = recorder.place();
      const { strategy } = submission;
      const { tenant } = submission.record;
      const answer = await tasks.create(submission);
      const { task, existing, effects } = answer;
      const { taskId } = task;
      putEntries(put, clock, { ...effects, notices: effects.notices.filter(notOf(taskId)) });
      if (!existing) put({ type: "created", at: clock.now(), tenant, taskId, task, strategy });
      putEntries(put, clock, { ...effects, notices: effects.notices.filter(isOf(taskId)) });
      return answer;
    },
    async claim(request) {
      const put = recorder.place();
      const answer = await tasks.claim(request);
      const { claim } = answer;
      const { task } = claim?.record ?? {};
      // A repeat that answers its first claim again is no new one.
      if (claim && task && !claimIds.has(request.claimId)) {
        claimIds.add(request.claimId);
        const { workerId, leaseMs } = request;
        put({ type: "claimed", at: clock.now(), ...claim.lease, workerId, leaseMs, task });
      }
      putEntries(put, clock, answer.effects);
      return answer;
    },
    async renew(leases, leaseMs) {
      const put = recorder.place();
      const statuses = await tasks.renew(leases, leaseMs);
      for (const [index, lease] of leases.entries()) {
        if (statuses[index]?.valid) put({ type: "renewed", at: clock.now(), ...lease, leaseMs });
      }
      return statuses;
    },
    async append(lease, afterSequence, events) {
      const put = recorder.place();
      const answer = await tasks.append(lease, afterSequence, events);
      const { lastSequence } = answer;
      put({ type: "appended", at: clock.now(), ...lease, lastSequence });
      putEntries(put, clock, answer.effects);
      return answer;
    },
    async finish(lease, finish) {
      const put = recorder.place();
      const { ending, ifExpired: byExpiry = false } = finish;
      const ref = { tenant: lease.tenant, agentId: "", sessionId: "", ...finish.session };
      const [answer, stored] = await Promise.all([tasks.finish(lease, finish), sessions.load(ref)]);
      const isCommitted = stored?.context.version === finish.session?.version;
      const session = isCommitted ? finish.session : undefined;
      const { task } = answer;
      const requested = ending.state;
      put({ type: "finished", at: clock.now(), ...lease, requested, byExpiry, task, session });
      putEntries(put, clock, answer.effects);
      return answer;
    },
    async requestCancel(request) {
      const put = recorder.place();
      const answer = await tasks.requestCancel(request);
      const { task, effects } = answer;
      const { taskId } = task;
      put({ type: "cancel-accepted", at: clock.now(), tenant: request.tenant, taskId, task });
      putEntries(put, clock, effects);
      return answer;
    },
    async sweep(options) {
      const put = recorder.place();
      const answer = await tasks.sweep(options);
      putEntries(put, clock, answer.effects);
      return answer;
    },
  };
}

function putEntries(put: Put, clock: Clock, { notices }: Effects): void {
  for (const { kind, tenant, taskId } of notices) {
    if (kind.case !== "entries") continue;
    put({ type: "entries", at: clock.now(), tenant, taskId, entries: kind.value.entries });
  }
}

function isOf(taskId: string) {
  return (notice: { readonly taskId: string }): boolean => notice.taskId === taskId;
}

function notOf(taskId: string) {
  return (notice: { readonly taskId: string }): boolean => notice.taskId !== taskId;
}
