/** A turn's events as they are shown: the answer as it streams, and notices about the rest. */
import { create } from "@bufbuild/protobuf";
import {
  Role,
  type StreamEvent,
  StreamExecuteResponseSchema,
  TaskState,
} from "../../../sdk/typescript/src/node.ts";
import { toolCallShown, toolResultShown, valueShown } from "../event-lines.ts";
import { contractJson, jsonLine } from "../json.ts";
import { oneLine, printable } from "../table.ts";
import { errorShown, messageText } from "../task-details.ts";
import { styled, type Terminal } from "../terminal.ts";

export interface Transcript {
  show(reply: StreamEvent): Promise<void>;
  /** A line about the conversation rather than of it. */
  notice(text: string): Promise<void>;
  /** Ends the line that the answer has begun. */
  endLine(): Promise<void>;
}

/** In a pipe, notices go to standard error: what is left is the answers. */
export function startTranscript(terminal: Terminal, isJson: boolean): Transcript {
  let isInLine = false;
  /** Messages whose text came as chunks. */
  let streamed = new Set<string>();
  const write = async (text: string): Promise<void> => {
    if (text === "") return;
    isInLine = !text.endsWith("\n");
    await terminal.write(text);
  };
  const endLine = (): Promise<void> => write(isInLine ? "\n" : "");
  const notice = async (text: string): Promise<void> => {
    const line = `[${oneLine(text)}]`;
    if (!terminal.isInteractive) return void terminal.writeError(`${line}\n`);
    await endLine();
    await write(`${styled(terminal, "dim", line)}\n`);
  };
  const showEvent = async ({ event: { kind }, attempt, restarted }: StreamEvent): Promise<void> => {
    if (restarted) {
      streamed = new Set();
      await endLine();
      await notice(`attempt ${attempt}: the answer starts anew`);
    }
    switch (kind.case) {
      case "chunk":
        streamed.add(kind.value.id);
        return write(printable(kind.value.choices[0]?.delta?.content ?? ""));
      case "message": {
        const { id, role } = kind.value;
        if (role !== Role.ASSISTANT) return;
        const hasText = kind.value.content.some(({ part }) => part.case === "text");
        if (!streamed.has(id) && hasText) await write(printable(messageText(kind.value)));
        return endLine();
      }
      case "toolCallStarted":
        return notice(`tool ${toolCallShown(kind.value.call)}`);
      case "toolCallFinished":
        return notice(`tool ${toolResultShown(kind.value.name, kind.value.result)}`);
      case "progress":
        return notice(`progress ${valueShown(kind.value.data)}`);
      case "stateChange": {
        const { state, error } = kind.value;
        if (state !== TaskState.RETRY_WAIT || !error) return;
        return notice(`attempt ${attempt} failed, another follows: ${errorShown(error)}`);
      }
      default:
        return;
    }
  };
  const showJson = ({ taskId, attempt, sequence, mergedCount, event }: StreamEvent) => {
    const fields = { taskId, attempt, sequence, mergedCount, event };
    const response = create(StreamExecuteResponseSchema, fields);
    return terminal.write(jsonLine(contractJson(StreamExecuteResponseSchema, response)));
  };
  return { show: isJson ? showJson : showEvent, notice, endLine };
}
