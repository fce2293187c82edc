/** The commands of a run, as data, so that fast-check can make and shrink them. */
import fc from "fast-check";
import { MultitaskStrategy, OnDisconnect, Priority } from "../../gen/agentlane/v1/task_pb.js";
import type { CallFault } from "../fakes/call-faults.ts";
import type { Behaviour, End } from "./behaviours.ts";

export interface SubmitCommand {
  readonly type: "submit";
  readonly isRun: boolean;
  readonly tenant: number;
  /** 0 = stateless. */
  readonly session: number;
  /** 0 = no key. */
  readonly key: number;
  /** Of a keyed request: another variant is another request. */
  readonly variant: number;
  readonly priority: Priority;
  readonly strategy: MultitaskStrategy;
  readonly maxAttempts: number;
  readonly timeoutMs: number;
  readonly streaming: boolean;
  readonly deadlineInMs: number | undefined;
  readonly onDisconnect: OnDisconnect;
  readonly disconnectAfterMs: number | undefined;
  readonly behaviours: readonly Behaviour[];
}

/** Numbers name tasks, sessions and nodes by their place among those there are. */
export type Command =
  | SubmitCommand
  | { readonly type: "advance" | "jump"; readonly ms: number }
  | { readonly type: "cancel"; readonly task: number; readonly byKey: boolean }
  | {
      readonly type: "watch";
      readonly task: number;
      readonly after: number;
      readonly isSlow: boolean;
      readonly maxCount: number;
    }
  | { readonly type: "kill" | "freeze" | "thaw"; readonly node: number }
  /** Frozen for longer than its leases, then back. */
  | { readonly type: "zombie"; readonly node: number; readonly ms: number }
  | { readonly type: "drain"; readonly node: number; readonly timeoutMs: number }
  | { readonly type: "start-worker" | "redrive" | "purge" | "clean-up" | "flush" | "heal" }
  | { readonly type: "outage"; readonly node: number }
  | {
      readonly type: "fault";
      readonly node: number;
      readonly operation: string;
      readonly fault: CallFault;
    }
  | {
      readonly type: "lose" | "double";
      readonly what: "doorbells" | "notices";
      readonly node: number;
      readonly count: number;
    }
  | { readonly type: "delay-notices"; readonly node: number; readonly ms: number }
  | { readonly type: "destroy"; readonly tenant: number; readonly session: number }
  | {
      readonly type: "import";
      readonly tenant: number;
      readonly from: number;
      readonly to: number;
      readonly overwrite: boolean;
    }
  | { readonly type: "probe"; readonly task: number };

const index = fc.nat({ max: 7 });
const node = fc.nat({ max: 3 });

const behaviour: fc.Arbitrary<Behaviour> = fc.record({
  eventCount: fc.nat({ max: 4 }),
  gapMs: fc.constantFrom(0, 0, 10, 700, 4000),
  callsTools: fc.boolean(),
  end: fc.oneof(
    { weight: 6, arbitrary: fc.constant<End>("complete") },
    {
      weight: 6,
      arbitrary: fc.constantFrom<End>(
        "ask",
        "leave-call-open",
        "fail",
        "fail-for-good",
        "fail-later",
        "hang",
        "ignore-signal",
        "finish-late",
        "throw-after-abort",
        "no-outcome",
      ),
    },
  ),
});

const submit: fc.Arbitrary<Command> = fc.record({
  type: fc.constant("submit" as const),
  isRun: fc.boolean(),
  tenant: fc.constantFrom(0, 0, 0, 1),
  session: fc.constantFrom(0, 1, 1, 1, 1, 2, 3),
  key: fc.constantFrom(0, 0, 1, 2),
  variant: fc.constantFrom(0, 0, 0, 1),
  priority: fc.constantFrom(Priority.UNSPECIFIED, Priority.LOW, Priority.HIGH, Priority.URGENT),
  strategy: fc.constantFrom(
    MultitaskStrategy.ENQUEUE,
    MultitaskStrategy.ENQUEUE,
    MultitaskStrategy.ENQUEUE,
    MultitaskStrategy.REJECT,
    MultitaskStrategy.INTERRUPT,
    MultitaskStrategy.ROLLBACK,
  ),
  maxAttempts: fc.integer({ min: 1, max: 3 }),
  timeoutMs: fc.constantFrom(2000, 8000, 20_000),
  streaming: fc.boolean(),
  deadlineInMs: fc.constantFrom(undefined, undefined, undefined, 500, 4000),
  onDisconnect: fc.constantFrom(OnDisconnect.UNSPECIFIED, OnDisconnect.CONTINUE),
  disconnectAfterMs: fc.constantFrom(undefined, undefined, 0, 5, 900),
  behaviours: fc.array(behaviour, { minLength: 1, maxLength: 3 }),
});

const callFault: fc.Arbitrary<CallFault> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom<CallFault>(
      { kind: "unavailable" },
      { kind: "lost-reply" },
      { kind: "lost-reply" },
      { kind: "crash-before" },
      { kind: "crash-after" },
      { kind: "crash-after" },
      { kind: "crash-late", ms: 600 },
      { kind: "crash-late", ms: 17_500 },
      { kind: "crash-late", ms: 19_500 },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom("slow-request" as const, "slow-reply" as const),
      ms: fc.constantFrom(20, 600, 3000, 17_000),
    }),
  },
);

const advance: fc.Arbitrary<Command> = fc.record({
  type: fc.constant("advance" as const),
  ms: fc.constantFrom(0, 1, 10, 100, 600, 1500, 6000, 16_000),
});

const load: fc.Arbitrary<Command> = fc.oneof(
  { weight: 10, arbitrary: submit },
  { weight: 9, arbitrary: advance },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("cancel" as const),
      task: index,
      byKey: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("watch" as const),
      task: index,
      after: fc.nat({ max: 9 }),
      isSlow: fc.boolean(),
      maxCount: fc.constantFrom(1, 4, 1000, 1000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.oneof(
      fc.record({
        type: fc.constantFrom("redrive" as const, "purge" as const, "clean-up" as const),
      }),
      fc.record({ type: fc.constant("redrive" as const) }),
      fc.record({
        type: fc.constant("destroy" as const),
        tenant: fc.constantFrom(0, 0, 1),
        session: fc.integer({ min: 1, max: 3 }),
      }),
      fc.record({
        type: fc.constant("import" as const),
        tenant: fc.constantFrom(0, 0, 1),
        from: fc.integer({ min: 1, max: 3 }),
        to: fc.integer({ min: 1, max: 3 }),
        overwrite: fc.boolean(),
      }),
      fc.record({ type: fc.constant("probe" as const), task: index }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.oneof(
      fc.record({
        type: fc.constant("drain" as const),
        node,
        timeoutMs: fc.constantFrom(0, 1000, 10_000),
      }),
      fc.record({ type: fc.constant("start-worker" as const) }),
    ),
  },
);

/** A lost doorbell is repaired by reconcile alone. */
const losses: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ type: fc.constant("flush" as const) }),
  fc.record({
    type: fc.constant("lose" as const),
    what: fc.constantFrom("doorbells" as const, "notices" as const, "notices" as const),
    node,
    count: fc.integer({ min: 1, max: 5 }),
  }),
);

const crashes: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant("fault" as const),
      node: fc.integer({ min: 1, max: 2 }),
      operation: fc.constantFrom(
        "claim",
        "append",
        "append",
        "finish",
        "finish",
        "renew",
        "ack",
        "load",
      ),
      fault: callFault,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("fault" as const),
      node: fc.constant(0),
      operation: fc.constantFrom("create", "requestCancel", "read", "expired", "sweep", "redrive"),
      fault: callFault,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("zombie" as const),
      node: fc.integer({ min: 1, max: 2 }),
      ms: fc.constantFrom(14_000, 18_000, 22_000, 33_000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constantFrom("kill" as const, "freeze" as const, "freeze" as const, "thaw" as const),
      node,
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("start-worker" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("double" as const),
      what: fc.constantFrom("doorbells" as const, "notices" as const),
      node,
      count: fc.integer({ min: 1, max: 5 }),
    }),
  },
);

const hardFaults: fc.Arbitrary<Command> = fc.oneof(
  { weight: 5, arbitrary: crashes },
  { weight: 2, arbitrary: losses },
  {
    weight: 2,
    arbitrary: fc.oneof(
      fc.record({
        type: fc.constant("fault" as const),
        node,
        operation: fc.constantFrom("publish", "markPublished", "nack", "depth"),
        fault: callFault,
      }),
      fc.record({ type: fc.constant("outage" as const), node }),
      fc.record({ type: fc.constant("heal" as const) }),
      fc.record({
        type: fc.constant("delay-notices" as const),
        node,
        ms: fc.constantFrom(5, 300, 2500),
      }),
      fc.record({ type: fc.constant("jump" as const), ms: fc.constantFrom(2000, 20_000, 100_000) }),
    ),
  },
);

export interface CommandOptions {
  /** False: nothing happens that only reconcile can repair. Default true. */
  readonly withLosses?: boolean;
}

export function commandsArbitrary({
  withLosses = true,
}: CommandOptions = {}): fc.Arbitrary<Command[]> {
  const fault = withLosses ? hardFaults : crashes;
  return fc.array(fc.oneof({ weight: 5, arbitrary: load }, { weight: 2, arbitrary: fault }), {
    minLength: 8,
    maxLength: 48,
    size: "max",
  });
}
