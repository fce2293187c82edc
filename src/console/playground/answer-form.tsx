/** Answers what a graph asks: its interrupts. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { useState } from "preact/hooks";
import { isObject, jsonFrom } from "../model/json-text.ts";
import { actionsOf, decision, type ReviewAction } from "../model/review.ts";
import type { Question } from "../model/turn-view.ts";
import { useObservable } from "../services/hooks.ts";
import { Json } from "../ui/json.tsx";
import { Button, Field } from "../ui/parts.tsx";
import { useConversation } from "./conversation-provider.tsx";

export function AnswerForm({ questions }: { questions: readonly Question[] }) {
  const conversation = useConversation();
  const { agentId, sessionId } = useObservable(conversation.state);
  const [answers, setAnswers] = useState<Readonly<Record<string, JsonValue>>>({});
  const [only] = questions;
  const resume = (value: JsonValue): void => {
    conversation.send({ agentId, sessionId, text: "", resume: value });
  };
  if (questions.length === 1 && only) return <QuestionForm question={only} onAnswer={resume} />;
  return (
    <div class="stack">
      {questions.map((question) => (
        <QuestionForm
          key={question.id}
          question={question}
          answered={question.id in answers}
          onAnswer={(value) => setAnswers({ ...answers, [question.id]: value })}
        />
      ))}
      <div>
        <Button
          kind="primary"
          disabled={questions.some(({ id }) => !(id in answers))}
          onClick={() => resume({ ...answers })}
        >
          Send {questions.length} answers
        </Button>
      </div>
    </div>
  );
}

interface QuestionFormProps {
  readonly question: Question;
  readonly answered?: boolean;
  readonly onAnswer: (value: JsonValue) => void;
}

function QuestionForm({ question, answered = false, onAnswer }: QuestionFormProps) {
  const { value } = question;
  const actions = actionsOf(value);
  const asked = textOf(value);
  return (
    <section class="note tone-ask question" aria-label="The agent asks">
      <p class="question-text">
        <strong>{asked || (actions ? "Approve what it wants to do?" : "It asks:")}</strong>
        {answered && <span class="quiet-text"> answered</span>}
      </p>
      {actions ? (
        <ReviewForm actions={actions} onAnswer={onAnswer} />
      ) : (
        <>
          {(asked === "" || !isOnlyText(value)) && <Json value={value} label="Question" />}
          <FreeForm options={optionsOf(value)} onAnswer={onAnswer} />
        </>
      )}
    </section>
  );
}

function textOf(value: JsonValue): string {
  if (typeof value === "string") return value;
  const question = isObject(value) ? (value.question ?? value.message) : undefined;
  return typeof question === "string" ? question : "";
}

function isOnlyText(value: JsonValue): boolean {
  if (!isObject(value)) return typeof value === "string";
  return Object.keys(value).every((key) => ["question", "message", "options"].includes(key));
}

/** What a question offers as answers, in the usual form; else yes and no. */
function optionsOf(value: JsonValue): readonly AnswerOption[] {
  const options = isObject(value) ? value.options : undefined;
  if (Array.isArray(options) && options.length > 0) {
    return options.map((option) => ({
      label: typeof option === "string" ? option : JSON.stringify(option),
      value: option,
    }));
  }
  return [
    { label: "Yes", value: true },
    { label: "No", value: false },
  ];
}

interface AnswerOption {
  readonly label: string;
  readonly value: JsonValue;
}

interface FreeFormProps {
  readonly options: readonly AnswerOption[];
  readonly onAnswer: (value: JsonValue) => void;
}

function FreeForm({ options, onAnswer }: FreeFormProps) {
  const [text, setText] = useState("");
  const [isJson, setJson] = useState(false);
  const read = jsonFrom(text);
  const canSend = text.trim() !== "" && !(isJson && read.problem);
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (canSend) onAnswer(isJson && read.value !== undefined ? read.value : text);
      }}
    >
      <div class="row">
        {options.map(({ label, value }, index) => (
          <Button
            key={label}
            kind={index === 0 ? "primary" : "plain"}
            onClick={() => onAnswer(value)}
          >
            {label}
          </Button>
        ))}
      </div>
      <Field label="Another answer" hint={isJson && read.problem ? read.problem : ""}>
        <input value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </Field>
      <div class="row">
        <label class="check-line">
          <input
            type="checkbox"
            checked={isJson}
            onChange={(event) => setJson(event.currentTarget.checked)}
          />
          it is JSON
        </label>
        <Button type="submit" disabled={!canSend}>
          Answer
        </Button>
      </div>
    </form>
  );
}

interface ReviewFormProps {
  readonly actions: readonly ReviewAction[];
  readonly onAnswer: (value: JsonValue) => void;
}

/** Of LangChain's human-in-the-loop middleware: a decision for each tool call. */
function ReviewForm({ actions, onAnswer }: ReviewFormProps) {
  const [rejected, setRejected] = useState<Readonly<Record<number, string>>>({});
  const decisions: JsonObject[] = actions.map((_, index) => decision(rejected[index]));
  return (
    <div class="stack">
      {actions.map((action, index) => (
        <div key={`${index} ${action.name}`} class="stack">
          <p>
            <code>{action.name}</code> {action.description}
          </p>
          <Json value={action.args} label={`Arguments of ${action.name}`} />
          <label class="check-line">
            <input
              type="checkbox"
              checked={rejected[index] === undefined}
              onChange={(event) => {
                const { [index]: _, ...rest } = rejected;
                setRejected(event.currentTarget.checked ? rest : { ...rest, [index]: "" });
              }}
            />
            approve
          </label>
          {rejected[index] !== undefined && (
            <Field label="Why not (the agent is told)">
              <input
                value={rejected[index]}
                onInput={(event) => {
                  setRejected({ ...rejected, [index]: event.currentTarget.value });
                }}
              />
            </Field>
          )}
        </div>
      ))}
      <div>
        <Button kind="primary" onClick={() => onAnswer({ decisions })}>
          Send {decisions.length === 1 ? "the decision" : `${decisions.length} decisions`}
        </Button>
      </div>
    </div>
  );
}
