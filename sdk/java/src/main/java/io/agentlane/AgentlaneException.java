package io.agentlane;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.agentlane.v1.TaskError;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.io.Serializable;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CancellationException;

/** What the server refused, or why a task failed, with the google.rpc details decoded. */
public final class AgentlaneException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** What transports make of a broken connection, when the server has not said anything. */
  private static final Set<Status.Code> BROKEN = EnumSet.of(Status.Code.CANCELLED,
      Status.Code.UNKNOWN, Status.Code.ABORTED, Status.Code.INTERNAL, Status.Code.UNAVAILABLE);

  /** With these only the watch of a task ended: the server stops, or its store is away. */
  private static final Set<String> WATCH_REASONS = Set.of("WATCH_ENDED", "WATCH_BROKEN");

  /** {@code field}: path in the request, e.g. {@code messages[0].role}. */
  public record FieldViolation(String field, String description) implements Serializable {}

  private final Status.Code code;
  private final String reason;
  private final String taskId;
  private final Duration retryAfter;
  private final boolean retryable;
  private final List<FieldViolation> fieldViolations;

  private AgentlaneException(String message, Status.Code code, String reason, String taskId,
      Duration retryAfter, Boolean retryable, List<FieldViolation> fieldViolations,
      Throwable cause) {
    super(message, cause);
    this.code = code;
    this.reason = reason.isEmpty() ? code.name() : reason;
    this.taskId = taskId == null || taskId.isEmpty() ? null : taskId;
    this.retryAfter = retryAfter;
    this.retryable =
        retryable != null ? retryable : code == Status.Code.UNAVAILABLE || retryAfter != null;
    this.fieldViolations = List.copyOf(fieldViolations);
  }

  /** Of an error that the client itself finds. */
  AgentlaneException(Status.Code code, String reason, String message, Throwable cause) {
    this(message, code, reason, null, null, null, List.of(), cause);
  }

  /** Of anything that a call throws. Only this server's errors have an ErrorInfo. */
  public static AgentlaneException from(Throwable cause) {
    if (cause instanceof AgentlaneException own) return own;
    Status status = Status.fromThrowable(cause);
    com.google.rpc.Status details = StatusProto.fromThrowable(cause);
    List<Any> all = details == null ? List.of() : details.getDetailsList();
    ErrorInfo info = find(all, ErrorInfo.class).orElse(null);
    Duration retryAfter = find(all, RetryInfo.class).map(RetryInfo::getRetryDelay)
        .map(delay -> Duration.ofSeconds(delay.getSeconds(), delay.getNanos())).orElse(null);
    List<FieldViolation> fields = find(all, BadRequest.class).stream()
        .flatMap(bad -> bad.getFieldViolationsList().stream())
        .map(field -> new FieldViolation(field.getField(), field.getDescription())).toList();
    boolean isBroken = info == null && BROKEN.contains(status.getCode());
    return new AgentlaneException(
        status.getDescription() == null ? String.valueOf(cause) : status.getDescription(),
        isBroken ? Status.Code.UNAVAILABLE : status.getCode(),
        info == null ? "" : info.getReason(),
        info == null ? null : info.getMetadataOrDefault("task_id", null),
        retryAfter, null, fields, cause);
  }

  /** Why a task ended as FAILED or CANCELED. */
  static AgentlaneException ofTask(String taskId, TaskError error) {
    Status.Code code = Status.fromCodeValue(error.getCodeValue()).getCode();
    String message = error.getMessage();
    return new AgentlaneException(
        message.isEmpty() ? "the task failed without saying why" : message,
        code == Status.Code.OK ? Status.Code.UNKNOWN : code,
        error.getReason().isEmpty() ? "TASK_FAILED" : error.getReason(),
        taskId, null, error.getRetryable(),
        error.getFieldViolationsMap().entrySet().stream()
            .map(field -> new FieldViolation(field.getKey(), field.getValue())).toList(),
        null);
  }

  /** The caller canceled, or was interrupted. */
  static AgentlaneException ofCaller(Throwable cause) {
    Throwable own = cause instanceof CancellationException
        ? cause : new CancellationException("the caller gave up").initCause(cause);
    return new AgentlaneException(Status.Code.CANCELLED, "CANCELED", "the caller gave up", own);
  }

  /** Whether {@link #ofCaller} made it, or a future that was canceled. */
  static boolean isOfCaller(Throwable error) {
    return error instanceof CancellationException
        || error instanceof AgentlaneException && error.getCause() instanceof CancellationException;
  }

  /** The same, of a task where it knows none, with the stack of whoever throws it. */
  AgentlaneException again(String knownTaskId) {
    return new AgentlaneException(getMessage(), code, reason,
        taskId == null ? knownTaskId : taskId, retryAfter, retryable, fieldViolations,
        getCause() instanceof CancellationException ? getCause() : this);
  }

  private static <T extends Message> Optional<T> find(List<Any> details, Class<T> type) {
    try {
      for (Any detail : details) if (detail.is(type)) return Optional.of(detail.unpack(type));
    } catch (InvalidProtocolBufferException unreadable) {
      // As good as none.
    }
    return Optional.empty();
  }

  public Status.Code code() {
    return code;
  }

  /** Stable, UPPER_SNAKE_CASE: ErrorInfo.reason; the code's name where there is none. */
  public String reason() {
    return reason;
  }

  /** The task that the call was about, once there is one. */
  public Optional<String> taskId() {
    return Optional.ofNullable(taskId);
  }

  /** When trying again makes sense, if the server says so. */
  public Optional<Duration> retryAfter() {
    return Optional.ofNullable(retryAfter);
  }

  /** Whether the same turn may succeed when it is submitted anew. */
  public boolean isRetryable() {
    return retryable;
  }

  public List<FieldViolation> fieldViolations() {
    return fieldViolations;
  }

  /** Whether the same call may be sent again. A task's own failure may not: the task has ended. */
  boolean mayResend() {
    if (taskId != null && !WATCH_REASONS.contains(reason)) return false;
    if (code == Status.Code.RESOURCE_EXHAUSTED) return retryAfter != null;
    return code == Status.Code.UNAVAILABLE;
  }
}
