/**
 * LangChain's callback manager for the runs of a turn, made cheap (bench/README.md). LangGraph copies
 * the manager at every step inside a node, and the library's copy spreads all metadata once per key;
 * it also makes a random id and several promises for steps that no handler listens to.
 */
import "./environment.ts";
import type { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import { CallbackManager, CallbackManagerForChainRun } from "@langchain/core/callbacks/manager";
import type { NewId } from "../../ids.ts";
import { nodeOf, TurnCallbacks } from "./turn-callbacks.ts";

type ManagerOptions = ConstructorParameters<typeof CallbackManager>[1];
type ChainStart = Parameters<CallbackManager["handleChainStart"]>;
type ChainEnd = Parameters<CallbackManagerForChainRun["handleChainEnd"]>;
type ChainError = Parameters<CallbackManagerForChainRun["handleChainError"]>;

export class TurnCallbackManager extends CallbackManager {
  readonly #newId: NewId;

  constructor(newId: NewId, parentRunId?: string, options?: ManagerOptions) {
    super(parentRunId, options);
    this.#newId = newId;
  }

  override copy(additional: BaseCallbackHandler[] = [], inherit = true): CallbackManager {
    if (additional.length > 0) return super.copy(additional, inherit);
    return new TurnCallbackManager(this.#newId, this.getParentRunId(), {
      handlers: [...this.handlers],
      inheritableHandlers: [...this.inheritableHandlers],
      tags: [...this.tags],
      inheritableTags: [...this.inheritableTags],
      metadata: { ...this.metadata },
      inheritableMetadata: { ...this.inheritableMetadata },
    });
  }

  override async handleChainStart(...start: ChainStart): Promise<CallbackManagerForChainRun> {
    const [chain, inputs, runId = this.#newId(), runType, tags, metadata, runName, ...rest] = start;
    const isHeard = this.handlers.some((handler) => this.#hears(handler, runName));
    if (isHeard) {
      await super.handleChainStart(chain, inputs, runId, runType, tags, metadata, runName, ...rest);
    }
    return new TurnChainRun(this, runId, isHeard, this.#newId);
  }

  #hears(handler: BaseCallbackHandler, runName: string | undefined): boolean {
    if (handler.ignoreChain) return false;
    if (!(handler instanceof TurnCallbacks)) return true;
    return nodeOf(this.tags, this.metadata, runName) !== undefined;
  }
}

/** Whoever was not told of its start is not told of its end. */
class TurnChainRun extends CallbackManagerForChainRun {
  readonly #isHeard: boolean;
  readonly #newId: NewId;

  constructor(manager: TurnCallbackManager, runId: string, isHeard: boolean, newId: NewId) {
    super(
      runId,
      manager.handlers,
      manager.inheritableHandlers,
      manager.tags,
      manager.inheritableTags,
      manager.metadata,
      manager.inheritableMetadata,
      manager.getParentRunId(),
    );
    this.#isHeard = isHeard;
    this.#newId = newId;
  }

  override getChild(tag?: string): CallbackManager {
    return new TurnCallbackManager(this.#newId, this.runId, {
      handlers: [...this.inheritableHandlers],
      inheritableHandlers: [...this.inheritableHandlers],
      tags: tag === undefined ? [...this.inheritableTags] : [...this.inheritableTags, tag],
      inheritableTags: [...this.inheritableTags],
      metadata: { ...this.inheritableMetadata },
      inheritableMetadata: { ...this.inheritableMetadata },
    });
  }

  override async handleChainEnd(...end: ChainEnd): Promise<void> {
    if (this.#isHeard) await super.handleChainEnd(...end);
  }

  override async handleChainError(...error: ChainError): Promise<void> {
    if (this.#isHeard) await super.handleChainError(...error);
  }
}
