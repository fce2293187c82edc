import { BaseMessage } from "@langchain/core/messages";
import { Annotation, MessagesAnnotation } from "@langchain/langgraph";

export enum Mood {
  Calm = "calm",
  Upset = "upset",
}

export interface Order {
  id: string;
  status: string;
}

export const SupportState = Annotation.Root({
  ...MessagesAnnotation.spec,
  mood: Annotation<Mood>({ reducer: (_, next) => next, default: () => Mood.Calm }),
  turns: Annotation<number>({ reducer: (left, right) => left + right, default: () => 0 }),
});

export type Support = typeof SupportState.State;

export function lastText(messages: BaseMessage[]): string {
  return messages.at(-1)?.text ?? "";
}
