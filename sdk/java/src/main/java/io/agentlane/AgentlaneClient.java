package io.agentlane;

import io.agentlane.v1.AgentServiceGrpc;
import io.agentlane.v1.CancelTaskRequest;
import io.agentlane.v1.CancelTaskResponse;
import io.agentlane.v1.DestroySessionRequest;
import io.agentlane.v1.DestroySessionResponse;
import io.agentlane.v1.ExecuteRequest;
import io.agentlane.v1.ExecuteResponse;
import io.agentlane.v1.ExecutionContext;
import io.agentlane.v1.ExportSessionRequest;
import io.agentlane.v1.ExportSessionResponse;
import io.agentlane.v1.GetSessionRequest;
import io.agentlane.v1.GetSessionResponse;
import io.agentlane.v1.GetTaskRequest;
import io.agentlane.v1.GetTaskResponse;
import io.agentlane.v1.ImportSessionRequest;
import io.agentlane.v1.ImportSessionResponse;
import io.agentlane.v1.ListDeadLettersRequest;
import io.agentlane.v1.ListDeadLettersResponse;
import io.agentlane.v1.ListTasksRequest;
import io.agentlane.v1.ListTasksResponse;
import io.agentlane.v1.OperationsServiceGrpc;
import io.agentlane.v1.PurgeDeadLettersRequest;
import io.agentlane.v1.PurgeDeadLettersResponse;
import io.agentlane.v1.RedriveTasksRequest;
import io.agentlane.v1.RedriveTasksResponse;
import io.agentlane.v1.SessionServiceGrpc;
import io.agentlane.v1.SubmitTaskResponse;
import io.agentlane.v1.Task;
import io.agentlane.v1.TaskServiceGrpc;
import io.agentlane.v1.WatchTaskRequest;
import io.agentlane.v1.WatchTaskResponse;
import io.grpc.Channel;
import io.grpc.Context;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.protobuf.ProtoUtils;
import java.time.Duration;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Predicate;

/**
 * What is done often, in a line each; everything else through the generated clients. Safe for use by
 * many threads. Methods throw {@link AgentlaneException}; an interrupt, and a canceled
 * {@link Context}, give an operation up.
 */
public final class AgentlaneClient implements AutoCloseable {
  /** The contract gives these the same fields and numbers. */
  private static final MethodDescriptor<ExecuteRequest, WatchTaskResponse> STREAM_EXECUTE =
      AgentServiceGrpc.getStreamExecuteMethod().toBuilder(
          ProtoUtils.marshaller(ExecuteRequest.getDefaultInstance()),
          ProtoUtils.marshaller(WatchTaskResponse.getDefaultInstance())).build();

  /** Bound on telling the server that nobody waits any more. */
  private static final Duration CANCEL_LIMIT = Duration.ofSeconds(2);

  private final Connection connection;
  private final RetryOptions retry;
  private final Duration deadline;
  private final Map<String, String> headers;

  private AgentlaneClient(Connection connection, RetryOptions retry, Duration deadline,
      Map<String, String> headers) {
    this.connection = connection;
    this.retry = retry;
    this.deadline = deadline;
    this.headers = headers;
  }

  public static AgentlaneClient connect(String url) {
    return connect(url, new ConnectOptions());
  }

  /** {@code url}: http://host:port (cleartext) or https://…. Connects with the first call. */
  public static AgentlaneClient connect(String url, ConnectOptions options) {
    Connection connection = new Connection(url, options);
    return new AgentlaneClient(connection, options.retry, options.deadline, Map.of());
  }

  /**
   * The same client over the same connection, with a limit on each whole operation, reconnects
   * included; it is the task's deadline too. null: none.
   */
  public AgentlaneClient withDeadline(Duration limit) {
    return new AgentlaneClient(connection, retry, limit, headers);
  }

  /** The same client over the same connection, with one more header. */
  public AgentlaneClient withHeader(String name, String value) {
    Map<String, String> all = new HashMap<>(headers);
    all.put(Connection.headerName(name), value);
    return new AgentlaneClient(connection, retry, deadline, Map.copyOf(all));
  }

  /** Runs a turn and answers with its result. Throws also when the task failed. */
  public TurnResult execute(Turn turn) {
    return await(executeAsync(turn));
  }

  /** Fails with AgentlaneException. Completing it early, e.g. by cancel, cancels the task. */
  public CompletableFuture<TurnResult> executeAsync(Turn turn) {
    ExecuteRequest request = turn.toRequest();
    CompletableFuture<ExecuteResponse> answer =
        operation(retry).call(AgentServiceGrpc.getExecuteMethod(), request);
    answer.whenComplete((response, error) -> {
      if (AgentlaneException.isOfCaller(error)) abandon("", request.getIdempotencyKey());
    });
    CompletableFuture<TurnResult> result = answer.thenApply(response ->
        TurnResult.of(response.getTaskId(), response.getState(), response.getResult()));
    result.whenComplete((value, error) -> answer.cancel(false));
    return result;
  }

  /** Answers the open interrupt of a session; {@code answer} is JSON. */
  public TurnResult resume(Turn turn, Object answer) {
    return execute(turn.resume(answer));
  }

  /** Runs a turn and streams its events, from the first to the terminal one. */
  public AgentStream stream(Turn turn) {
    ExecuteRequest request = turn.toRequest();
    Operation operation = operation(retry);
    return new AgentStream(operation,
        (taskId, after) -> taskId.isEmpty()
            ? operation.open(STREAM_EXECUTE, request) : openWatch(operation, taskId, after),
        true, taskId -> abandon(taskId, request.getIdempotencyKey()), "", 0);
  }

  /** Follows a task. Leaving it cancels nothing, and a task that fails is no error. */
  public AgentStream watch(String taskId) {
    return watch(taskId, 0);
  }

  public AgentStream watch(String taskId, int afterSequence) {
    Operation operation = operation(retry);
    return new AgentStream(operation, (id, after) -> openWatch(operation, id, after),
        false, id -> CompletableFuture.completedFuture(null), taskId, afterSequence);
  }

  /** Runs a turn in the background. */
  public SubmitTaskResponse submit(Turn turn) {
    return await(submitAsync(turn));
  }

  public CompletableFuture<SubmitTaskResponse> submitAsync(Turn turn) {
    return operation(retry).call(TaskServiceGrpc.getSubmitTaskMethod(), turn.toSubmitRequest());
  }

  /** Idempotent; a task that has ended stays as it is. */
  public Task cancel(String taskId) {
    return cancel(CancelTaskRequest.newBuilder().setTaskId(taskId).build());
  }

  /** By the key it was submitted with. */
  public Task cancelByKey(String idempotencyKey) {
    return cancel(CancelTaskRequest.newBuilder().setIdempotencyKey(idempotencyKey).build());
  }

  public Task getTask(String taskId) {
    GetTaskRequest request = GetTaskRequest.newBuilder().setTaskId(taskId).build();
    return repeat(TaskServiceGrpc.getGetTaskMethod(), request).getTask();
  }

  public ListTasksResponse listTasks(ListTasksRequest filter) {
    return repeat(TaskServiceGrpc.getListTasksMethod(), filter);
  }

  public GetSessionResponse getSession(String agentId, String sessionId) {
    return repeat(SessionServiceGrpc.getGetSessionMethod(), GetSessionRequest.newBuilder()
        .setAgentId(agentId).setSessionId(sessionId).build());
  }

  /** True when there was something to destroy. */
  public boolean destroySession(String agentId, String sessionId) {
    return repeat(SessionServiceGrpc.getDestroySessionMethod(), DestroySessionRequest.newBuilder()
        .setAgentId(agentId).setSessionId(sessionId).build()).getDestroyed();
  }

  public ExecutionContext exportSession(String agentId, String sessionId) {
    return repeat(SessionServiceGrpc.getExportSessionMethod(), ExportSessionRequest.newBuilder()
        .setAgentId(agentId).setSessionId(sessionId).build()).getContext();
  }

  /** Not repeated after a broken connection: a session that exists by then may be this one. */
  public ImportSessionResponse importSession(ExecutionContext context, boolean overwrite) {
    return once(SessionServiceGrpc.getImportSessionMethod(), ImportSessionRequest.newBuilder()
        .setContext(context).setOverwrite(overwrite).build());
  }

  public ListDeadLettersResponse listDeadLetters(ListDeadLettersRequest filter) {
    return repeat(TaskServiceGrpc.getListDeadLettersMethod(), filter);
  }

  /** Not repeated after a broken connection: a task may have failed anew by then. */
  public RedriveTasksResponse redrive(List<String> taskIds) {
    return once(TaskServiceGrpc.getRedriveTasksMethod(),
        RedriveTasksRequest.newBuilder().addAllTaskIds(taskIds).build());
  }

  public PurgeDeadLettersResponse purgeDeadLetters(PurgeDeadLettersRequest filter) {
    return once(TaskServiceGrpc.getPurgeDeadLettersMethod(), filter);
  }

  /** For every kind of generated client, with this client's headers; deadlines are theirs. */
  public Channel channel() {
    return connection.withHeaders(headers);
  }

  public AgentServiceGrpc.AgentServiceBlockingStub agents() {
    return AgentServiceGrpc.newBlockingStub(channel());
  }

  public TaskServiceGrpc.TaskServiceBlockingStub tasks() {
    return TaskServiceGrpc.newBlockingStub(channel());
  }

  public SessionServiceGrpc.SessionServiceBlockingStub sessions() {
    return SessionServiceGrpc.newBlockingStub(channel());
  }

  public OperationsServiceGrpc.OperationsServiceBlockingStub operations() {
    return OperationsServiceGrpc.newBlockingStub(channel());
  }

  /**
   * Closes the connection, also for clients made of this one; calls under way fail. Waits for cancels
   * of what the caller has given up, two seconds at most.
   */
  @Override
  public void close() {
    connection.close();
  }

  private Operation operation(RetryOptions options) {
    return new Operation(connection, Context.current(), options, AgentlaneException::mayResend,
        deadline, headers);
  }

  private <Q, A> A repeat(MethodDescriptor<Q, A> method, Q request) {
    return await(operation(retry).call(method, request));
  }

  private <Q, A> A once(MethodDescriptor<Q, A> method, Q request) {
    return await(operation(retry.withMaxTries(1)).call(method, request));
  }

  private Task cancel(CancelTaskRequest request) {
    return repeat(TaskServiceGrpc.getCancelTaskMethod(), request).getTask();
  }

  private static Iterator<WatchTaskResponse> openWatch(
      Operation operation, String taskId, int afterSequence) {
    return operation.open(TaskServiceGrpc.getWatchTaskMethod(), WatchTaskRequest.newBuilder()
        .setTaskId(taskId).setAfterSequence(afterSequence).build());
  }

  /** Best effort. A submit that is still under way is not found at first. */
  private CompletableFuture<?> abandon(String taskId, String idempotencyKey) {
    Predicate<AgentlaneException> mayResend =
        error -> error.code() == Status.Code.NOT_FOUND || error.mayResend();
    RetryOptions patient = RetryOptions.DEFAULT.withMaxTries(8)
        .withBackoff(Duration.ofMillis(200), 1.5, CANCEL_LIMIT);
    CancelTaskRequest.Builder request =
        CancelTaskRequest.newBuilder().setReason("the caller went away");
    if (taskId.isEmpty()) request.setIdempotencyKey(idempotencyKey);
    else request.setTaskId(taskId);
    CompletableFuture<CancelTaskResponse> call =
        new Operation(connection, Context.ROOT, patient, mayResend, CANCEL_LIMIT, headers)
            .call(TaskServiceGrpc.getCancelTaskMethod(), request.build());
    connection.keepOpenFor(call);
    return call;
  }

  private static <T> T await(CompletableFuture<T> future) {
    try {
      return future.get();
    } catch (InterruptedException interrupted) {
      future.cancel(false);
      Thread.currentThread().interrupt();
      throw AgentlaneException.ofCaller(interrupted);
    } catch (ExecutionException failed) {
      if (failed.getCause() instanceof AgentlaneException error) throw error.again(null);
      throw new IllegalStateException(failed.getCause());
    }
  }
}
