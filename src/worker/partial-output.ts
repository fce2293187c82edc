/** What an attempt has produced so far, for a cancel that keeps it (multitask INTERRUPT). */
import { create } from "@bufbuild/protobuf";
import {
  ContentPartSchema,
  type Message,
  MessageSchema,
  Role,
} from "../../gen/agentlane/v1/content_pb.js";
import type { TaskEvent } from "../../gen/agentlane/v1/task_pb.js";

export interface PartialOutput {
  observe(kind: TaskEvent["kind"]): void;
  /** Complete messages, then the one that was being written, as far as it got. */
  messages(): Message[];
}

export function createPartialOutput(): PartialOutput {
  const complete: Message[] = [];
  let writing: { id: string; text: string } | undefined;
  return {
    observe(kind) {
      if (kind.case === "message") {
        complete.push(kind.value);
        if (writing?.id === kind.value.id) writing = undefined;
      } else if (kind.case === "chunk") {
        const { id, choices } = kind.value;
        if (writing?.id !== id) writing = { id, text: "" };
        writing.text += choices[0]?.delta?.content ?? "";
      }
    },
    messages() {
      if (!writing?.text || complete.some((message) => message.id === writing?.id)) return complete;
      const part = create(ContentPartSchema, { part: { case: "text", value: writing.text } });
      const message = create(MessageSchema, {
        id: writing.id,
        role: Role.ASSISTANT,
        content: [part],
      });
      return [...complete, message];
    },
  };
}
