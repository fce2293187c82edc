/** Where a turn is written. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { useState } from "preact/hooks";
import { jsonFrom, objectFrom, type Read } from "../model/json-text.ts";
import { useAction, useObservable } from "../services/hooks.ts";
import { Button, FailureNote, Field } from "../ui/parts.tsx";
import { runningTurn } from "./conversation.ts";
import { useConversation } from "./conversation-provider.tsx";

export interface Options {
  readonly input: JsonValue | undefined;
  readonly configurable: JsonObject | undefined;
}

interface Draft {
  readonly text: string;
  readonly options: Options;
}

interface ComposerProps {
  readonly draft: Draft;
  readonly onDraft: (draft: Draft) => void;
}

export function Composer({ draft, onDraft }: ComposerProps) {
  const conversation = useConversation();
  const state = useObservable(conversation.state);
  const running = runningTurn(state);
  const stop = useAction(() => conversation.stop());
  const { text, options } = draft;
  const canSend =
    !running && state.agentId !== "" && (text.trim() !== "" || options.input !== undefined);
  const send = (): void => {
    if (!canSend) return;
    const { agentId, sessionId } = state;
    conversation.send({ agentId, sessionId, text: text.trim(), ...options });
    onDraft({ ...draft, text: "" });
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <textarea
        aria-label="Message"
        aria-describedby="composer-hint"
        rows={2}
        placeholder={`Message to ${state.agentId || "an agent"}`}
        value={text}
        onInput={(event) => onDraft({ ...draft, text: event.currentTarget.value })}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          send();
        }}
      />
      {stop.failure && <FailureNote failure={stop.failure} />}
      <div class="composer-foot">
        <OptionFields
          options={options}
          onOptions={(changed) => onDraft({ ...draft, options: changed })}
        />
        <span id="composer-hint" class="quiet-text wide-only">
          Enter sends, Shift+Enter is a new line
        </span>
        {running ? (
          <Button kind="danger" icon="stop" disabled={stop.busy} onClick={stop.run}>
            {stop.busy ? "Stopping…" : "Stop"}
          </Button>
        ) : (
          <Button type="submit" kind="primary" icon="send" disabled={!canSend}>
            Send
          </Button>
        )}
      </div>
    </form>
  );
}

interface OptionFieldsProps {
  readonly options: Options;
  readonly onOptions: (options: Options) => void;
}

function OptionFields({ options, onOptions }: OptionFieldsProps) {
  return (
    <details class="options">
      <summary>Input and options</summary>
      <div class="options-body">
        <JsonField
          label="Input (JSON)"
          hint="For graphs whose state is more than messages."
          read={jsonFrom}
          onValue={(input) => onOptions({ ...options, input })}
        />
        <JsonField
          label="Configurable (JSON)"
          hint='Run-time values, e.g. {"delayMs": 200} for echo.'
          read={objectFrom}
          onValue={(configurable) => onOptions({ ...options, configurable })}
        />
      </div>
    </details>
  );
}

interface JsonFieldProps<T> {
  readonly label: string;
  readonly hint: string;
  readonly read: (text: string) => Read<T>;
  readonly onValue: (value: T | undefined) => void;
}

function JsonField<T>({ label, hint, read, onValue }: JsonFieldProps<T>) {
  const [text, setText] = useState("");
  const { problem } = read(text);
  return (
    <Field label={label} hint={problem || hint}>
      <textarea
        class="mono"
        rows={2}
        spellcheck={false}
        aria-invalid={problem !== ""}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          onValue(read(event.currentTarget.value).value);
        }}
      />
    </Field>
  );
}
