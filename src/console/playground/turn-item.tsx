/** One turn: what was asked, and what has come of it so far. */
import { TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import { formatDuration } from "../model/format.ts";
import { isTerminal, stateName, stateTone } from "../model/states.ts";
import type { Block, ToolBlock, TurnView } from "../model/turn-view.ts";
import { address } from "../routes.ts";
import { Icon } from "../ui/icons.tsx";
import { Code, pretty } from "../ui/json.tsx";
import { Link } from "../ui/navigation.tsx";
import { Badge, FailureNote } from "../ui/parts.tsx";
import type { PlayTurn } from "./conversation.ts";

export function TurnItem({ turn: { draft, view, failure } }: { turn: PlayTurn }) {
  const asked = draft.text || JSON.stringify(draft.resume ?? draft.input ?? "");
  return (
    <article class="turn" aria-label={`Turn: ${asked.slice(0, 80)}`}>
      <div class="bubble">
        {draft.resume !== undefined && <span class="bubble-kind">answer</span>}
        <p class="prose">{asked}</p>
      </div>
      <div class="answer">
        {joined(view.blocks).map((block, index) => (
          <BlockView key={`${block.kind} ${index}`} block={block} state={view.state} />
        ))}
        {view.error && (
          <div class={`note tone-${view.state === TaskState.RETRY_WAIT ? "warn" : "bad"}`}>
            <p>
              <strong>{view.error.message}</strong>
            </p>
            <p>
              <code>{[view.error.code, view.error.reason].filter(Boolean).join(" · ")}</code>
            </p>
          </div>
        )}
        {failure && <FailureNote failure={failure} />}
        {!failure && <TurnFoot view={view} />}
      </div>
    </article>
  );
}

function TurnFoot({ view }: { view: TurnView }) {
  const { taskId, state, attempt, tokens } = view;
  const isRunning = !isTerminal(state);
  return (
    <p class="turn-foot">
      {isRunning && <span class="pulse" aria-hidden="true" />}
      {state === TaskState.UNSPECIFIED ? (
        <span class="quiet-text">Sending…</span>
      ) : (
        <Badge tone={stateTone(state)}>{stateName(state)}</Badge>
      )}
      {attempt > 1 && <span class="quiet-text">attempt {attempt}</span>}
      {tokens && tokens.input + tokens.output > 0 && (
        <span class="quiet-text">
          {tokens.input} + {tokens.output} tokens
        </span>
      )}
      {taskId && <Link href={address(["tasks", taskId])}>Task</Link>}
    </p>
  );
}

/** Of progress that follows on progress the last one is enough. */
function joined(blocks: readonly Block[]): readonly Block[] {
  return blocks.filter(
    (block, index) => block.kind !== "progress" || blocks[index + 1]?.kind !== "progress",
  );
}

function BlockView({ block, state }: { block: Block; state: TaskState }) {
  switch (block.kind) {
    case "text":
      return <p class="prose">{block.text}</p>;
    case "reasoning":
      return (
        <details class="reasoning">
          <summary>Reasoning</summary>
          <p class="prose">{block.text}</p>
        </details>
      );
    case "progress":
      return (
        <p class="progress-line">
          <code>{JSON.stringify(block.data)}</code>
        </p>
      );
    case "tool":
      return <ToolView tool={block} state={state} />;
  }
}

/** What becomes of a tool call that has no answer depends on its turn. */
function openTool(state: TaskState): string {
  if (state === TaskState.INPUT_REQUIRED) return "waits for you";
  return isTerminal(state) ? "no answer" : "running…";
}

function ToolView({ tool, state }: { tool: ToolBlock; state: TaskState }) {
  const isOpen = tool.result === undefined;
  return (
    <details class={`tool${tool.isError ? " failed" : ""}`} open={tool.isError ?? false}>
      <summary>
        <Icon name="tool" />
        <code>{tool.name || "tool"}</code>
        <span class="tool-brief">{isOpen ? tool.args : tool.result}</span>
        <span class="quiet-text">
          {isOpen && openTool(state)}
          {tool.tookMs !== undefined && formatDuration(tool.tookMs)}
        </span>
      </summary>
      <p class="tool-label">Arguments</p>
      <Code text={pretty(tool.args)} label={`Arguments of ${tool.name}`} />
      {tool.result !== undefined && (
        <>
          <p class="tool-label">{tool.isError ? "Error" : "Answer"}</p>
          <Code text={pretty(tool.result)} label={`Answer of ${tool.name}`} />
        </>
      )}
    </details>
  );
}
