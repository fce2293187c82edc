/**
 * LangGraph's saver for one turn: filled from the session's bytes, emptied into bytes at the end, gone
 * after that. Only the newest checkpoint of a namespace is kept; there is no time travel.
 */
import "./environment.ts";
import type { RunnableConfig } from "@langchain/core/runnables";
import {
  BaseCheckpointSaver,
  type Checkpoint,
  type CheckpointMetadata,
  type CheckpointPendingWrite,
  type CheckpointTuple,
  compareWritesSortKeys,
  type PendingWrite,
  WRITES_IDX_MAP,
  writesSortKey,
} from "@langchain/langgraph-checkpoint";
import { z } from "zod";
import { decodeCheckpoint, encodeCheckpoint } from "./checkpoint-codec.ts";
import { isRecord, property } from "./json.ts";
import { isMessage } from "./node-output.ts";

/** Raised with a change of format; bytes of another version are not read. */
const FORMAT = 1;

const savedWrite = z.object({
  taskId: z.string(),
  index: z.number(),
  channel: z.string(),
  value: z.unknown(),
  taskPath: z.string(),
});

const fields = z.record(z.string(), z.unknown());

/** What LangGraph reads without looking; of a session that was imported, anything may have come. */
const savedShape = z.looseObject({
  checkpoint: z.looseObject({
    id: z.string(),
    channel_values: fields,
    channel_versions: z.record(z.string(), z.union([z.string(), z.number()])),
    versions_seen: z.record(z.string(), fields),
  }),
  metadata: fields,
  parentId: z.string().optional(),
  writes: z.array(savedWrite),
});

type SavedWrite = z.infer<typeof savedWrite>;

interface Saved {
  checkpoint: Checkpoint;
  metadata: CheckpointMetadata;
  parentId?: string | undefined;
  writes: SavedWrite[];
}

/** Bytes of another format are an empty state; throws for any that no toBytes has written. */
function readCheckpoint(bytes: Uint8Array): [string, Saved][] {
  const decoded = decodeCheckpoint(bytes);
  if (!isRecord(decoded)) throw new TypeError("a checkpoint is an object");
  const { format, namespaces } = decoded;
  if (format !== FORMAT) return [];
  if (!isRecord(namespaces)) throw new TypeError("a checkpoint has namespaces");
  return Object.entries(namespaces).map(([namespace, value]) => {
    if (!isSaved(value)) throw new TypeError("a checkpoint's namespace is not complete");
    return [namespace, value];
  });
}

/** Checked, not parsed: the values are instances that a copy would lose. */
function isSaved(value: unknown): value is Saved {
  return savedShape.safeParse(value).success;
}

/** Whether a turn can start from these bytes. */
export function isReadableCheckpoint(bytes: Uint8Array): boolean {
  try {
    return (
      property(decodeCheckpoint(bytes), "format") === FORMAT && readCheckpoint(bytes).length > 0
    );
  } catch {
    // Whatever is wrong with bytes from outside, the answer is the same.
    return false;
  }
}

export class TurnCheckpointSaver extends BaseCheckpointSaver {
  readonly #threadId: string;
  readonly #saved = new Map<string, Saved>();

  constructor(threadId: string) {
    super();
    this.#threadId = threadId;
  }

  /**
   * Continues from the bytes of an earlier turn. `resuming` keeps the open tasks and the messages;
   * without it a question that is still open in the bytes is dropped.
   */
  load(bytes: Uint8Array, resuming: boolean): void {
    for (const [namespace, saved] of readCheckpoint(bytes)) {
      if (resuming) this.#saved.set(namespace, saved);
      else if (namespace === "") this.#saved.set(namespace, withoutTurn(saved));
    }
  }

  /**
   * The state for the next turn. Between turns the messages are the session's history and are left
   * out here; while a question is open they are part of the paused state.
   */
  toBytes(paused: boolean): Uint8Array {
    if (this.#saved.size === 0) return new Uint8Array();
    const entries = paused
      ? [...this.#saved]
      : [...this.#saved].filter(([namespace]) => !namespace.includes(":"));
    const namespaces = Object.fromEntries(
      entries.map(([namespace, saved]) => [
        namespace,
        paused || namespace !== "" ? saved : withoutTurn(saved),
      ]),
    );
    return encodeCheckpoint({ format: FORMAT, namespaces });
  }

  /** Ids of the messages in the state. */
  messageIds(): string[] {
    const messages = property(this.#saved.get("")?.checkpoint.channel_values, "messages");
    if (!Array.isArray(messages)) return [];
    return messages.flatMap((each) => (isMessage(each) && each.id ? [each.id] : []));
  }

  override getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    const namespace = namespaceOf(config);
    const saved = this.#saved.get(namespace);
    const id = property(config.configurable, "checkpoint_id");
    if (!saved || (id && id !== saved.checkpoint.id)) return Promise.resolve(undefined);
    const pendingWrites = saved.writes
      .toSorted((a, b) => compareWritesSortKeys(sortKey(a), sortKey(b)))
      .map((write): CheckpointPendingWrite => [write.taskId, write.channel, write.value]);
    return Promise.resolve({
      config: this.#configOf(namespace, saved.checkpoint.id),
      checkpoint: saved.checkpoint,
      metadata: saved.metadata,
      pendingWrites,
      ...(saved.parentId ? { parentConfig: this.#configOf(namespace, saved.parentId) } : {}),
    });
  }

  override async *list(config: RunnableConfig): AsyncGenerator<CheckpointTuple> {
    const tuple = await this.getTuple(config);
    if (tuple) yield tuple;
  }

  override put(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
  ): Promise<RunnableConfig> {
    const namespace = namespaceOf(config);
    const before = this.#saved.get(namespace);
    // LangGraph stores the writes of a checkpoint's tasks before or after the checkpoint itself.
    const writes = before?.checkpoint.id === checkpoint.id ? before.writes : [];
    const parentId = property(config.configurable, "checkpoint_id");
    this.#saved.set(namespace, {
      checkpoint,
      metadata,
      parentId: typeof parentId === "string" ? parentId : undefined,
      writes,
    });
    return Promise.resolve(this.#configOf(namespace, checkpoint.id));
  }

  override putWrites(
    config: RunnableConfig,
    writes: PendingWrite[],
    taskId: string,
    taskPath = "",
  ): Promise<void> {
    const saved = this.#saved.get(namespaceOf(config));
    const id = property(config.configurable, "checkpoint_id");
    if (!saved || saved.checkpoint.id !== id) return Promise.resolve();
    writes.forEach(([channel, value], position) => {
      const index = WRITES_IDX_MAP[channel] ?? position;
      const same = saved.writes.findIndex((each) => each.taskId === taskId && each.index === index);
      // A task's first result stands; its special writes (error, interrupt, resume) are replaced.
      if (same >= 0 && index >= 0) return;
      if (same >= 0) saved.writes.splice(same, 1);
      saved.writes.push({ taskId, index, channel, value, taskPath });
    });
    return Promise.resolve();
  }

  override deleteThread(): Promise<void> {
    this.#saved.clear();
    return Promise.resolve();
  }

  #configOf(namespace: string, checkpointId: string): RunnableConfig {
    return {
      configurable: {
        thread_id: this.#threadId,
        checkpoint_ns: namespace,
        checkpoint_id: checkpointId,
      },
    };
  }
}

function namespaceOf(config: RunnableConfig): string {
  const namespace = property(config.configurable, "checkpoint_ns");
  return typeof namespace === "string" ? namespace : "";
}

function sortKey(write: SavedWrite): ReturnType<typeof writesSortKey> {
  return writesSortKey(write.taskPath, write.taskId, write.index);
}

/** State without what belongs to a turn: its messages and its unfinished tasks. */
function withoutTurn(saved: Saved): Saved {
  const { messages: _messages, ...values } = saved.checkpoint.channel_values;
  return { ...saved, writes: [], checkpoint: { ...saved.checkpoint, channel_values: values } };
}
