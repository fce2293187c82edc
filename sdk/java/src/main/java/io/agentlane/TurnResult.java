package io.agentlane;

import io.agentlane.v1.ContentPart;
import io.agentlane.v1.Message;
import io.agentlane.v1.TaskResult;
import io.agentlane.v1.TaskState;
import io.agentlane.v1.Usage;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;

/**
 * What a turn produced. JSON is null, Boolean, Double, String, List or Map.
 *
 * @param text of the last message
 * @param messages those that the turn added
 * @param interrupts what the graph asks, as JSON; the session's next turn answers with resume
 * @param graphState the graph's final state as JSON, where it is more than messages; else null
 * @param sessionVersion 0 for a stateless turn
 */
public record TurnResult(String taskId, TaskState state, String text, List<Message> messages,
    List<Object> interrupts, Object graphState, Usage usage, String finishReason,
    long sessionVersion) {

  public static TurnResult of(String taskId, TaskState state, TaskResult result) {
    List<Message> messages = result.getMessagesList();
    List<Object> interrupts = new ArrayList<>();
    result.getInterruptsList().forEach(asked -> interrupts.add(Json.fromValue(asked.getValue())));
    return new TurnResult(taskId, state,
        messages.isEmpty() ? "" : textOf(messages.get(messages.size() - 1)), messages,
        Collections.unmodifiableList(interrupts), Json.fromValue(result.getState()),
        result.getUsage(), result.getFinishReason(), result.getSessionVersion());
  }

  /** The text parts of a message. */
  public static String textOf(Message message) {
    return message.getContentList().stream().map(ContentPart::getText)
        .collect(Collectors.joining());
  }
}
