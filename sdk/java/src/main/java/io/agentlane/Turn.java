package io.agentlane;

import io.agentlane.v1.ContentPart;
import io.agentlane.v1.ExecuteRequest;
import io.agentlane.v1.Message;
import io.agentlane.v1.MultitaskStrategy;
import io.agentlane.v1.OnDisconnect;
import io.agentlane.v1.Priority;
import io.agentlane.v1.RetryPolicy;
import io.agentlane.v1.Role;
import io.agentlane.v1.SubmitTaskRequest;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * A turn to run; immutable. At least one of text, message, input and resume is required; all fields
 * are described at {@link ExecuteRequest}. JSON is null, Boolean, Number, String, List or Map.
 */
public final class Turn {
  private final ExecuteRequest request;
  private final boolean streaming;

  private Turn(ExecuteRequest request, boolean streaming) {
    this.request = request;
    this.streaming = streaming;
  }

  public static Turn of(String agentId) {
    return new Turn(ExecuteRequest.newBuilder().setAgentId(agentId).build(), false);
  }

  /** With no session the turn is stateless. */
  public Turn session(String sessionId) {
    return with(to -> to.setSessionId(sessionId));
  }

  /** Adds a message of the user. */
  public Turn text(String text) {
    ContentPart part = ContentPart.newBuilder().setText(text).build();
    return message(Message.newBuilder().setRole(Role.ROLE_USER).addContent(part).build());
  }

  /** Adds a message. */
  public Turn message(Message message) {
    return with(to -> to.addMessages(message));
  }

  public Turn input(Object json) {
    return with(to -> to.setInput(Json.toValue(json)));
  }

  /** The answer to the session's open interrupt. */
  public Turn resume(Object json) {
    return with(to -> to.setResume(Json.toValue(json)));
  }

  /** Default: one is made, so that a call can be repeated. */
  public Turn idempotencyKey(String key) {
    return with(to -> to.setIdempotencyKey(key));
  }

  public Turn priority(Priority priority) {
    return with(to -> to.setPriority(priority));
  }

  /** Limit on one attempt; the operation's deadline limits the whole. */
  public Turn attemptTimeout(Duration limit) {
    return with(to -> to.getTimeoutBuilder()
        .setSeconds(limit.getSeconds()).setNanos(limit.getNano()));
  }

  public Turn maxAttempts(int count) {
    return with(to -> to.setMaxAttempts(count));
  }

  public Turn retryPolicy(RetryPolicy policy) {
    return with(to -> to.setRetryPolicy(policy));
  }

  public Turn multitaskStrategy(MultitaskStrategy strategy) {
    return with(to -> to.setMultitaskStrategy(strategy));
  }

  /** Adds labels that are kept with the task. */
  public Turn metadata(Map<String, String> labels) {
    return with(to -> to.putAllMetadata(labels));
  }

  /** Run-time values for the graph. */
  public Turn configurable(Map<String, ?> values) {
    return with(to -> to.setConfigurable(Json.toStruct(values)));
  }

  /** For {@code submit}: tokens are produced, for somebody who will watch. */
  public Turn streaming() {
    return new Turn(request, true);
  }

  /** Goes on without the connection, so that a repeated call finds the task. */
  ExecuteRequest toRequest() {
    ExecuteRequest.Builder builder = request.toBuilder();
    if (builder.getIdempotencyKey().isEmpty()) {
      builder.setIdempotencyKey(UUID.randomUUID().toString());
    }
    return builder.setOnDisconnect(OnDisconnect.ON_DISCONNECT_CONTINUE).build();
  }

  SubmitTaskRequest toSubmitRequest() {
    ExecuteRequest from = toRequest();
    SubmitTaskRequest.Builder to = SubmitTaskRequest.newBuilder()
        .setAgentId(from.getAgentId())
        .setSessionId(from.getSessionId())
        .addAllMessages(from.getMessagesList())
        .setPriorityValue(from.getPriorityValue())
        .setIdempotencyKey(from.getIdempotencyKey())
        .setMaxAttempts(from.getMaxAttempts())
        .putAllMetadata(from.getMetadataMap())
        .setMultitaskStrategyValue(from.getMultitaskStrategyValue())
        .setStreaming(streaming);
    if (from.hasInput()) to.setInput(from.getInput());
    if (from.hasResume()) to.setResume(from.getResume());
    if (from.hasTimeout()) to.setTimeout(from.getTimeout());
    if (from.hasRetryPolicy()) to.setRetryPolicy(from.getRetryPolicy());
    if (from.hasConfigurable()) to.setConfigurable(from.getConfigurable());
    return to.build();
  }

  private Turn with(Consumer<ExecuteRequest.Builder> change) {
    ExecuteRequest.Builder builder = request.toBuilder();
    change.accept(builder);
    return new Turn(builder.build(), streaming);
  }
}
