import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import type { ExecuteRequestSchema } from "../../gen/agentlane/v1/agent_service_pb.js";
import {
  type ExecutionContext,
  ExecutionContextSchema,
} from "../../gen/agentlane/v1/session_pb.js";
import { MultitaskStrategy } from "../../gen/agentlane/v1/task_pb.js";
import type { Turn } from "../../src/executor/contract.ts";
import type { Claim } from "../../src/store/contract.ts";
import { prepareTurn } from "../../src/worker/turn.ts";
import { agent, question, userMessage } from "../fakes/scripted-executor.ts";
import { record } from "../harness/builders.ts";

function prepare(
  request: MessageInitShape<typeof ExecuteRequestSchema>,
  committed: MessageInitShape<typeof ExecutionContextSchema> = {},
): Turn {
  const claim: Claim = {
    record: record({ request }),
    lease: { tenant: "default", taskId: "t", attempt: 1, fence: 1n },
    sessionEtag: "",
    deadlineInMs: undefined,
  };
  const context: ExecutionContext = create(ExecutionContextSchema, committed);
  return prepareTurn(claim, agent(), context, new AbortController().signal, () => "new");
}

describe("a turn of ROLLBACK", () => {
  const checkpoint = new Uint8Array([1, 2, 3]);
  const request = {
    messages: [userMessage("anew", "u2")],
    multitaskStrategy: MultitaskStrategy.ROLLBACK,
  };

  it("keeps the graph's committed state", () => {
    expect(prepare(request, { checkpoint }).context.checkpoint).toEqual(checkpoint);
  });

  it("drops an open question, and only that", () => {
    const turn = prepare(request, { checkpoint, interrupts: [question("q", "sure?")] });
    expect(turn.context).toMatchObject({ checkpoint, interrupts: [] });
    expect(turn.resume).toBeUndefined();
    expect(turn.messages.map(({ id }) => id)).toEqual(["u2"]);
  });
});

describe("a turn that answers an open question", () => {
  it("keeps the message that is the answer", () => {
    const messages = [userMessage("well,", "u1"), userMessage("yes", "u2")];
    const turn = prepare({ messages }, { interrupts: [question("q", "sure?")] });
    expect(turn.resume).toBe("yes");
    expect(turn.messages.map(({ id }) => id)).toEqual(["u1", "u2"]);
  });
});
