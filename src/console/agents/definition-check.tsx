/** Checks an entry of agentlane.json before it is written there. */
import type { JsonObject } from "@bufbuild/protobuf";
import { useState } from "preact/hooks";
import type { ValidateAgentResponse } from "../../../gen/agentlane/v1/operations_service_pb.js";
import { objectFrom } from "../model/json-text.ts";
import { useAction } from "../services/hooks.ts";
import { useServices } from "../services/services.ts";
import { Button, FailureNote, Field } from "../ui/parts.tsx";
import { Problems } from "./problems.tsx";

const EXAMPLE = `{
  "template": "chat",
  "model": "openai:gpt-5-mini",
  "systemPrompt": "You are brief."
}`;

export function DefinitionCheck() {
  const { operations } = useServices();
  const [text, setText] = useState(EXAMPLE);
  const [wrong, setWrong] = useState("");
  const [found, setFound] = useState<ValidateAgentResponse>();
  const check = useAction(async (definition: JsonObject) => {
    setFound(
      await operations.validateAgent({ subject: { case: "definition", value: definition } }),
    );
  });
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        setFound(undefined);
        const read = objectFrom(text);
        setWrong(read.problem);
        if (read.value) check.run(read.value);
      }}
    >
      <Field
        label="Definition"
        hint="An entry of agentlane.json. Module paths are refused here: a request never loads code."
      >
        <textarea
          class="mono"
          rows={6}
          spellcheck={false}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </Field>
      {wrong && (
        <p class="note tone-bad" role="alert">
          {wrong}
        </p>
      )}
      {check.failure && <FailureNote failure={check.failure} />}
      {found && <Problems found={found} />}
      <div>
        <Button type="submit" icon="check" disabled={check.busy}>
          {check.busy ? "Checking…" : "Check the definition"}
        </Button>
      </div>
    </form>
  );
}
