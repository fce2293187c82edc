/** Turns of a conversation: one at a time, which can be canceled while it runs. */
import type { JsonValue } from "@bufbuild/protobuf";
import {
  AgentlaneError as CallError,
  TaskState,
  type Turn,
  type TurnStream,
} from "../../../sdk/typescript/src/node.ts";
import { EXIT, failureOf, report } from "../failure.ts";
import type { Remote } from "../remote.ts";
import type { Transcript } from "./transcript.ts";

export interface Turns {
  /** Runs a turn and shows it. Answers with an exit code, and with what is asked at its end. */
  run(turn: Turn): Promise<TurnEnd>;
  /** Cancels the running turn; false when there is none, or it is being canceled already. */
  cancel(): boolean;
  /** Stops showing the running turn, whatever the server says. */
  giveUp(): void;
  isRunning(): boolean;
}

export interface TurnEnd {
  readonly exitCode: number;
  readonly questions: readonly JsonValue[];
}

/** Bound on telling the server about a cancel. */
const CANCEL_LIMIT_MS = 5000;

export function createTurns(remote: Remote, transcript: Transcript): Turns {
  const { client, terminal, isJson, url, streamTimeoutMs: deadlineMs } = remote;
  let running: { stream: TurnStream; giveUp: AbortController } | undefined;
  let isCanceling = false;

  const tellServer = async (taskId: string): Promise<void> => {
    try {
      await client.cancel(taskId, { deadlineMs: CANCEL_LIMIT_MS });
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      report(terminal, isJson, failureOf(error, url));
    }
  };

  return {
    async run(turn) {
      const giveUp = new AbortController();
      const signal = AbortSignal.any([giveUp.signal, remote.signal]);
      const stream = client.stream(turn, { deadlineMs, signal });
      running = { stream, giveUp };
      isCanceling = false;
      try {
        for await (const reply of stream) await transcript.show(reply);
        const { interrupts } = await stream.final();
        await transcript.endLine();
        return { exitCode: EXIT.ok, questions: interrupts };
      } catch (error) {
        if (!(error instanceof CallError) || remote.signal.aborted) throw error;
        await transcript.endLine();
        if (isCanceling && (giveUp.signal.aborted || stream.state === TaskState.CANCELED)) {
          await transcript.notice("canceled");
          return { exitCode: EXIT.interrupted, questions: [] };
        }
        return { exitCode: report(terminal, isJson, failureOf(error, url)), questions: [] };
      } finally {
        running = undefined;
      }
    },
    cancel() {
      if (!running || isCanceling) return false;
      isCanceling = true;
      // Before its first event a turn has no id yet; the SDK then cancels it by its key.
      const { stream, giveUp } = running;
      if (stream.taskId === "") giveUp.abort();
      else void tellServer(stream.taskId);
      return true;
    },
    giveUp: () => running?.giveUp.abort(),
    isRunning: () => running !== undefined,
  };
}
