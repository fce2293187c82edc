package io.agentlane;

import com.google.protobuf.Any;
import com.google.protobuf.Duration;
import com.google.protobuf.util.Durations;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.agentlane.v1.AgentServiceGrpc;
import io.agentlane.v1.CancelTaskRequest;
import io.agentlane.v1.CancelTaskResponse;
import io.agentlane.v1.ChatCompletionChunk;
import io.agentlane.v1.ExecuteRequest;
import io.agentlane.v1.ExecuteResponse;
import io.agentlane.v1.GetTaskRequest;
import io.agentlane.v1.GetTaskResponse;
import io.agentlane.v1.RedriveTasksRequest;
import io.agentlane.v1.RedriveTasksResponse;
import io.agentlane.v1.StreamExecuteRequest;
import io.agentlane.v1.StreamExecuteResponse;
import io.agentlane.v1.SubmitTaskRequest;
import io.agentlane.v1.SubmitTaskResponse;
import io.agentlane.v1.TaskError;
import io.agentlane.v1.TaskEvent;
import io.agentlane.v1.TaskServiceGrpc;
import io.agentlane.v1.TaskState;
import io.agentlane.v1.TaskStateChange;
import io.agentlane.v1.WatchTaskRequest;
import io.agentlane.v1.WatchTaskResponse;
import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.Supplier;

/** Real gRPC, made-up answers: what a test does not set leaves the call without an answer. */
final class FakeServer implements AutoCloseable {
  final List<ExecuteRequest> executes = new CopyOnWriteArrayList<>();
  final List<SubmitTaskRequest> submits = new CopyOnWriteArrayList<>();
  final List<StreamExecuteRequest> streams = new CopyOnWriteArrayList<>();
  final List<WatchTaskRequest> watches = new CopyOnWriteArrayList<>();
  final BlockingQueue<CancelTaskRequest> cancels = new LinkedBlockingQueue<>();
  final BlockingQueue<String> disconnects = new LinkedBlockingQueue<>();
  final BlockingQueue<Metadata> headers = new LinkedBlockingQueue<>();
  BiConsumer<StreamExecuteRequest, StreamObserver<StreamExecuteResponse>> onStream = (q, a) -> {};
  BiConsumer<WatchTaskRequest, StreamObserver<WatchTaskResponse>> onWatch = (q, a) -> {};
  BiConsumer<ExecuteRequest, StreamObserver<ExecuteResponse>> onExecute = (q, a) -> {};
  Function<SubmitTaskRequest, SubmitTaskResponse> onSubmit = q -> null;
  Function<GetTaskRequest, GetTaskResponse> onGetTask = q -> GetTaskResponse.getDefaultInstance();
  Function<RedriveTasksRequest, RedriveTasksResponse> onRedrive =
      q -> RedriveTasksResponse.getDefaultInstance();
  Function<CancelTaskRequest, CancelTaskResponse> onCancel =
      q -> CancelTaskResponse.getDefaultInstance();
  private final Server server;

  FakeServer() throws IOException {
    this(0);
  }

  FakeServer(int port) throws IOException {
    server = Grpc.newServerBuilderForPort(port, InsecureServerCredentials.create())
        .addService(new Agents()).addService(new Tasks()).intercept(new Headers()).build().start();
  }

  int port() {
    return server.getPort();
  }

  AgentlaneClient connect() {
    return connect(new ConnectOptions());
  }

  /** With short backoffs. */
  AgentlaneClient connect(ConnectOptions options) {
    java.time.Duration shortly = java.time.Duration.ofMillis(1);
    RetryOptions retry = RetryOptions.DEFAULT.withMaxTries(3).withBackoff(shortly, 1, shortly);
    return AgentlaneClient.connect("http://127.0.0.1:" + port(), options.retry(retry));
  }

  CancelTaskRequest nextCancel() throws InterruptedException {
    return cancels.poll(10, TimeUnit.SECONDS);
  }

  String nextDisconnect() throws InterruptedException {
    return disconnects.poll(10, TimeUnit.SECONDS);
  }

  @Override
  public void close() throws InterruptedException {
    server.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
  }

  static StatusRuntimeException error(Code code, String reason, String taskId, Integer retryMs) {
    ErrorInfo.Builder info = ErrorInfo.newBuilder().setReason(reason);
    if (taskId != null) info.putMetadata("task_id", taskId);
    var status = com.google.rpc.Status.newBuilder().setCode(code.getNumber()).setMessage("refused")
        .addDetails(Any.pack(info.build()));
    if (retryMs != null) {
      Duration delay = Durations.fromMillis(retryMs);
      status.addDetails(Any.pack(RetryInfo.newBuilder().setRetryDelay(delay).build()));
    }
    return StatusProto.toStatusRuntimeException(status.build());
  }

  static TaskEvent state(TaskState state) {
    TaskStateChange.Builder change = TaskStateChange.newBuilder().setState(state);
    if (state == TaskState.TASK_STATE_FAILED) {
      change.setError(TaskError.newBuilder().setCode(Code.UNAVAILABLE).setReason("TOO_BAD"));
    }
    return TaskEvent.newBuilder().setStateChange(change).build();
  }

  static TaskEvent chunk(String text) {
    ChatCompletionChunk.Builder chunk = ChatCompletionChunk.newBuilder();
    chunk.addChoicesBuilder().getDeltaBuilder().setContent(text);
    return TaskEvent.newBuilder().setChunk(chunk).build();
  }

  static StreamExecuteResponse streamed(int sequence, int attempt, TaskEvent event) {
    return StreamExecuteResponse.newBuilder().setTaskId("t").setSequence(sequence)
        .setAttempt(attempt).setEvent(event).build();
  }

  static WatchTaskResponse watched(int sequence, int attempt, TaskEvent event) {
    return WatchTaskResponse.newBuilder().setTaskId("t").setSequence(sequence)
        .setAttempt(attempt).setEvent(event).build();
  }

  private static <A> void answer(StreamObserver<A> observer, Supplier<A> of) {
    try {
      A value = of.get();
      if (value == null) return;
      observer.onNext(value);
      observer.onCompleted();
    } catch (StatusRuntimeException refused) {
      observer.onError(refused);
    }
  }

  private void tellDisconnect(String name, StreamObserver<?> observer) {
    ((ServerCallStreamObserver<?>) observer).setOnCancelHandler(() -> disconnects.add(name));
  }

  private final class Agents extends AgentServiceGrpc.AgentServiceImplBase {
    @Override
    public void execute(ExecuteRequest request, StreamObserver<ExecuteResponse> observer) {
      tellDisconnect("execute", observer);
      executes.add(request);
      onExecute.accept(request, observer);
    }

    @Override
    public void streamExecute(
        StreamExecuteRequest request, StreamObserver<StreamExecuteResponse> observer) {
      tellDisconnect("stream", observer);
      streams.add(request);
      onStream.accept(request, observer);
    }
  }

  private final class Tasks extends TaskServiceGrpc.TaskServiceImplBase {
    @Override
    public void watchTask(WatchTaskRequest request, StreamObserver<WatchTaskResponse> observer) {
      tellDisconnect("watch", observer);
      watches.add(request);
      onWatch.accept(request, observer);
    }

    @Override
    public void submitTask(
        SubmitTaskRequest request, StreamObserver<SubmitTaskResponse> observer) {
      submits.add(request);
      answer(observer, () -> onSubmit.apply(request));
    }

    @Override
    public void getTask(GetTaskRequest request, StreamObserver<GetTaskResponse> observer) {
      answer(observer, () -> onGetTask.apply(request));
    }

    @Override
    public void redriveTasks(
        RedriveTasksRequest request, StreamObserver<RedriveTasksResponse> observer) {
      answer(observer, () -> onRedrive.apply(request));
    }

    @Override
    public void cancelTask(
        CancelTaskRequest request, StreamObserver<CancelTaskResponse> observer) {
      cancels.add(request);
      answer(observer, () -> onCancel.apply(request));
    }
  }

  private final class Headers implements ServerInterceptor {
    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, A> call, Metadata metadata, ServerCallHandler<Q, A> next) {
      headers.add(metadata);
      return next.startCall(call, metadata);
    }
  }
}
