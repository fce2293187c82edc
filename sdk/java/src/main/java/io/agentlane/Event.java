package io.agentlane;

import io.agentlane.v1.TaskEvent;
import io.agentlane.v1.TaskState;
import io.agentlane.v1.WatchTaskResponse;

/**
 * An entry of a task's log.
 *
 * @param attempt 0 before the first
 * @param sequence dense from 1, each once
 * @param mergedCount so many entries before it are folded into it
 * @param text what it adds to the answer; "" for all but chunks
 * @param restarted a further attempt begins: what the ones before it said is void
 */
public record Event(String taskId, int attempt, int sequence, int mergedCount, TaskEvent event,
    String text, boolean restarted) {

  static Event of(WatchTaskResponse reply, boolean restarted) {
    TaskEvent event = reply.getEvent();
    String text = event.getChunk().getChoicesCount() == 0
        ? "" : event.getChunk().getChoices(0).getDelta().getContent();
    return new Event(reply.getTaskId(), reply.getAttempt(), reply.getSequence(),
        reply.getMergedCount(), event, text, restarted);
  }

  static boolean isTerminal(TaskEvent event) {
    TaskState state = event.getStateChange().getState();
    return switch (state) {
      case TASK_STATE_COMPLETED, TASK_STATE_INPUT_REQUIRED, TASK_STATE_FAILED,
          TASK_STATE_CANCELED -> true;
      default -> false;
    };
  }
}
