package io.agentlane.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Everything about tasks that is not "run a turn and wait". Tasks of other tenants answer NOT_FOUND.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class TaskServiceGrpc {

  private TaskServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "agentlane.v1.TaskService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<io.agentlane.v1.SubmitTaskRequest,
      io.agentlane.v1.SubmitTaskResponse> getSubmitTaskMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "SubmitTask",
      requestType = io.agentlane.v1.SubmitTaskRequest.class,
      responseType = io.agentlane.v1.SubmitTaskResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.agentlane.v1.SubmitTaskRequest,
      io.agentlane.v1.SubmitTaskResponse> getSubmitTaskMethod() {
    io.grpc.MethodDescriptor<io.agentlane.v1.SubmitTaskRequest, io.agentlane.v1.SubmitTaskResponse> getSubmitTaskMethod;
    if ((getSubmitTaskMethod = TaskServiceGrpc.getSubmitTaskMethod) == null) {
      synchronized (TaskServiceGrpc.class) {
        if ((getSubmitTaskMethod = TaskServiceGrpc.getSubmitTaskMethod) == null) {
          TaskServiceGrpc.getSubmitTaskMethod = getSubmitTaskMethod =
              io.grpc.MethodDescriptor.<io.agentlane.v1.SubmitTaskRequest, io.agentlane.v1.SubmitTaskResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "SubmitTask"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.SubmitTaskRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.SubmitTaskResponse.getDefaultInstance()))
              .setSchemaDescriptor(new TaskServiceMethodDescriptorSupplier("SubmitTask"))
              .build();
        }
      }
    }
    return getSubmitTaskMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.agentlane.v1.GetTaskRequest,
      io.agentlane.v1.GetTaskResponse> getGetTaskMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetTask",
      requestType = io.agentlane.v1.GetTaskRequest.class,
      responseType = io.agentlane.v1.GetTaskResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.agentlane.v1.GetTaskRequest,
      io.agentlane.v1.GetTaskResponse> getGetTaskMethod() {
    io.grpc.MethodDescriptor<io.agentlane.v1.GetTaskRequest, io.agentlane.v1.GetTaskResponse> getGetTaskMethod;
    if ((getGetTaskMethod = TaskServiceGrpc.getGetTaskMethod) == null) {
      synchronized (TaskServiceGrpc.class) {
        if ((getGetTaskMethod = TaskServiceGrpc.getGetTaskMethod) == null) {
          TaskServiceGrpc.getGetTaskMethod = getGetTaskMethod =
              io.grpc.MethodDescriptor.<io.agentlane.v1.GetTaskRequest, io.agentlane.v1.GetTaskResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetTask"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.GetTaskRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.GetTaskResponse.getDefaultInstance()))
              .setSchemaDescriptor(new TaskServiceMethodDescriptorSupplier("GetTask"))
              .build();
        }
      }
    }
    return getGetTaskMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.agentlane.v1.ListTasksRequest,
      io.agentlane.v1.ListTasksResponse> getListTasksMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListTasks",
      requestType = io.agentlane.v1.ListTasksRequest.class,
      responseType = io.agentlane.v1.ListTasksResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.agentlane.v1.ListTasksRequest,
      io.agentlane.v1.ListTasksResponse> getListTasksMethod() {
    io.grpc.MethodDescriptor<io.agentlane.v1.ListTasksRequest, io.agentlane.v1.ListTasksResponse> getListTasksMethod;
    if ((getListTasksMethod = TaskServiceGrpc.getListTasksMethod) == null) {
      synchronized (TaskServiceGrpc.class) {
        if ((getListTasksMethod = TaskServiceGrpc.getListTasksMethod) == null) {
          TaskServiceGrpc.getListTasksMethod = getListTasksMethod =
              io.grpc.MethodDescriptor.<io.agentlane.v1.ListTasksRequest, io.agentlane.v1.ListTasksResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListTasks"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.ListTasksRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.ListTasksResponse.getDefaultInstance()))
              .setSchemaDescriptor(new TaskServiceMethodDescriptorSupplier("ListTasks"))
              .build();
        }
      }
    }
    return getListTasksMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.agentlane.v1.WatchTaskRequest,
      io.agentlane.v1.WatchTaskResponse> getWatchTaskMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "WatchTask",
      requestType = io.agentlane.v1.WatchTaskRequest.class,
      responseType = io.agentlane.v1.WatchTaskResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<io.agentlane.v1.WatchTaskRequest,
      io.agentlane.v1.WatchTaskResponse> getWatchTaskMethod() {
    io.grpc.MethodDescriptor<io.agentlane.v1.WatchTaskRequest, io.agentlane.v1.WatchTaskResponse> getWatchTaskMethod;
    if ((getWatchTaskMethod = TaskServiceGrpc.getWatchTaskMethod) == null) {
      synchronized (TaskServiceGrpc.class) {
        if ((getWatchTaskMethod = TaskServiceGrpc.getWatchTaskMethod) == null) {
          TaskServiceGrpc.getWatchTaskMethod = getWatchTaskMethod =
              io.grpc.MethodDescriptor.<io.agentlane.v1.WatchTaskRequest, io.agentlane.v1.WatchTaskResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "WatchTask"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.WatchTaskRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.WatchTaskResponse.getDefaultInstance()))
              .setSchemaDescriptor(new TaskServiceMethodDescriptorSupplier("WatchTask"))
              .build();
        }
      }
    }
    return getWatchTaskMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.agentlane.v1.CancelTaskRequest,
      io.agentlane.v1.CancelTaskResponse> getCancelTaskMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "CancelTask",
      requestType = io.agentlane.v1.CancelTaskRequest.class,
      responseType = io.agentlane.v1.CancelTaskResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.agentlane.v1.CancelTaskRequest,
      io.agentlane.v1.CancelTaskResponse> getCancelTaskMethod() {
    io.grpc.MethodDescriptor<io.agentlane.v1.CancelTaskRequest, io.agentlane.v1.CancelTaskResponse> getCancelTaskMethod;
    if ((getCancelTaskMethod = TaskServiceGrpc.getCancelTaskMethod) == null) {
      synchronized (TaskServiceGrpc.class) {
        if ((getCancelTaskMethod = TaskServiceGrpc.getCancelTaskMethod) == null) {
          TaskServiceGrpc.getCancelTaskMethod = getCancelTaskMethod =
              io.grpc.MethodDescriptor.<io.agentlane.v1.CancelTaskRequest, io.agentlane.v1.CancelTaskResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "CancelTask"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.CancelTaskRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.CancelTaskResponse.getDefaultInstance()))
              .setSchemaDescriptor(new TaskServiceMethodDescriptorSupplier("CancelTask"))
              .build();
        }
      }
    }
    return getCancelTaskMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.agentlane.v1.ListDeadLettersRequest,
      io.agentlane.v1.ListDeadLettersResponse> getListDeadLettersMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListDeadLetters",
      requestType = io.agentlane.v1.ListDeadLettersRequest.class,
      responseType = io.agentlane.v1.ListDeadLettersResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.agentlane.v1.ListDeadLettersRequest,
      io.agentlane.v1.ListDeadLettersResponse> getListDeadLettersMethod() {
    io.grpc.MethodDescriptor<io.agentlane.v1.ListDeadLettersRequest, io.agentlane.v1.ListDeadLettersResponse> getListDeadLettersMethod;
    if ((getListDeadLettersMethod = TaskServiceGrpc.getListDeadLettersMethod) == null) {
      synchronized (TaskServiceGrpc.class) {
        if ((getListDeadLettersMethod = TaskServiceGrpc.getListDeadLettersMethod) == null) {
          TaskServiceGrpc.getListDeadLettersMethod = getListDeadLettersMethod =
              io.grpc.MethodDescriptor.<io.agentlane.v1.ListDeadLettersRequest, io.agentlane.v1.ListDeadLettersResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListDeadLetters"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.ListDeadLettersRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.ListDeadLettersResponse.getDefaultInstance()))
              .setSchemaDescriptor(new TaskServiceMethodDescriptorSupplier("ListDeadLetters"))
              .build();
        }
      }
    }
    return getListDeadLettersMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.agentlane.v1.RedriveTasksRequest,
      io.agentlane.v1.RedriveTasksResponse> getRedriveTasksMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "RedriveTasks",
      requestType = io.agentlane.v1.RedriveTasksRequest.class,
      responseType = io.agentlane.v1.RedriveTasksResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.agentlane.v1.RedriveTasksRequest,
      io.agentlane.v1.RedriveTasksResponse> getRedriveTasksMethod() {
    io.grpc.MethodDescriptor<io.agentlane.v1.RedriveTasksRequest, io.agentlane.v1.RedriveTasksResponse> getRedriveTasksMethod;
    if ((getRedriveTasksMethod = TaskServiceGrpc.getRedriveTasksMethod) == null) {
      synchronized (TaskServiceGrpc.class) {
        if ((getRedriveTasksMethod = TaskServiceGrpc.getRedriveTasksMethod) == null) {
          TaskServiceGrpc.getRedriveTasksMethod = getRedriveTasksMethod =
              io.grpc.MethodDescriptor.<io.agentlane.v1.RedriveTasksRequest, io.agentlane.v1.RedriveTasksResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "RedriveTasks"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.RedriveTasksRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.RedriveTasksResponse.getDefaultInstance()))
              .setSchemaDescriptor(new TaskServiceMethodDescriptorSupplier("RedriveTasks"))
              .build();
        }
      }
    }
    return getRedriveTasksMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.agentlane.v1.PurgeDeadLettersRequest,
      io.agentlane.v1.PurgeDeadLettersResponse> getPurgeDeadLettersMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "PurgeDeadLetters",
      requestType = io.agentlane.v1.PurgeDeadLettersRequest.class,
      responseType = io.agentlane.v1.PurgeDeadLettersResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.agentlane.v1.PurgeDeadLettersRequest,
      io.agentlane.v1.PurgeDeadLettersResponse> getPurgeDeadLettersMethod() {
    io.grpc.MethodDescriptor<io.agentlane.v1.PurgeDeadLettersRequest, io.agentlane.v1.PurgeDeadLettersResponse> getPurgeDeadLettersMethod;
    if ((getPurgeDeadLettersMethod = TaskServiceGrpc.getPurgeDeadLettersMethod) == null) {
      synchronized (TaskServiceGrpc.class) {
        if ((getPurgeDeadLettersMethod = TaskServiceGrpc.getPurgeDeadLettersMethod) == null) {
          TaskServiceGrpc.getPurgeDeadLettersMethod = getPurgeDeadLettersMethod =
              io.grpc.MethodDescriptor.<io.agentlane.v1.PurgeDeadLettersRequest, io.agentlane.v1.PurgeDeadLettersResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "PurgeDeadLetters"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.PurgeDeadLettersRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.PurgeDeadLettersResponse.getDefaultInstance()))
              .setSchemaDescriptor(new TaskServiceMethodDescriptorSupplier("PurgeDeadLetters"))
              .build();
        }
      }
    }
    return getPurgeDeadLettersMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static TaskServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<TaskServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<TaskServiceStub>() {
        @java.lang.Override
        public TaskServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new TaskServiceStub(channel, callOptions);
        }
      };
    return TaskServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static TaskServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<TaskServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<TaskServiceBlockingV2Stub>() {
        @java.lang.Override
        public TaskServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new TaskServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return TaskServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static TaskServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<TaskServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<TaskServiceBlockingStub>() {
        @java.lang.Override
        public TaskServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new TaskServiceBlockingStub(channel, callOptions);
        }
      };
    return TaskServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static TaskServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<TaskServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<TaskServiceFutureStub>() {
        @java.lang.Override
        public TaskServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new TaskServiceFutureStub(channel, callOptions);
        }
      };
    return TaskServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Everything about tasks that is not "run a turn and wait". Tasks of other tenants answer NOT_FOUND.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Accepts a turn and returns at once. OK means: the task's record is durable as far as the
     * configured store promises. Errors as AgentService.Execute's up to the accept.
     * </pre>
     */
    default void submitTask(io.agentlane.v1.SubmitTaskRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.SubmitTaskResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getSubmitTaskMethod(), responseObserver);
    }

    /**
     * <pre>
     * Looks a task up. NOT_FOUND when unknown or past retention.
     * </pre>
     */
    default void getTask(io.agentlane.v1.GetTaskRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.GetTaskResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetTaskMethod(), responseObserver);
    }

    /**
     * <pre>
     * Lists tasks, newest first.
     * </pre>
     */
    default void listTasks(io.agentlane.v1.ListTasksRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.ListTasksResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListTasksMethod(), responseObserver);
    }

    /**
     * <pre>
     * Streams a task's log after a sequence, up to and including the terminal event, and follows it
     * while the task runs. Ends with OK whatever the task's state. OUT_OF_RANGE when the position is
     * beyond the log's end or the log is past retention.
     * </pre>
     */
    default void watchTask(io.agentlane.v1.WatchTaskRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.WatchTaskResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getWatchTaskMethod(), responseObserver);
    }

    /**
     * <pre>
     * Cancels a task. Idempotent; a terminal task is returned as it is. Waits up to a second for a
     * running attempt to stop; a task that is still RUNNING then has cancel_requested_at set.
     * </pre>
     */
    default void cancelTask(io.agentlane.v1.CancelTaskRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.CancelTaskResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCancelTaskMethod(), responseObserver);
    }

    /**
     * <pre>
     * Lists dead letters: FAILED tasks, newest first.
     * </pre>
     */
    default void listDeadLetters(io.agentlane.v1.ListDeadLettersRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.ListDeadLettersResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListDeadLettersMethod(), responseObserver);
    }

    /**
     * <pre>
     * Sends dead letters back to the end of their lanes, attempts reset. Tasks that are none are
     * skipped and named in the answer.
     * </pre>
     */
    default void redriveTasks(io.agentlane.v1.RedriveTasksRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.RedriveTasksResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getRedriveTasksMethod(), responseObserver);
    }

    /**
     * <pre>
     * Deletes dead letters for good.
     * </pre>
     */
    default void purgeDeadLetters(io.agentlane.v1.PurgeDeadLettersRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.PurgeDeadLettersResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getPurgeDeadLettersMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service TaskService.
   * <pre>
   * Everything about tasks that is not "run a turn and wait". Tasks of other tenants answer NOT_FOUND.
   * </pre>
   */
  public static abstract class TaskServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return TaskServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service TaskService.
   * <pre>
   * Everything about tasks that is not "run a turn and wait". Tasks of other tenants answer NOT_FOUND.
   * </pre>
   */
  public static final class TaskServiceStub
      extends io.grpc.stub.AbstractAsyncStub<TaskServiceStub> {
    private TaskServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected TaskServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new TaskServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Accepts a turn and returns at once. OK means: the task's record is durable as far as the
     * configured store promises. Errors as AgentService.Execute's up to the accept.
     * </pre>
     */
    public void submitTask(io.agentlane.v1.SubmitTaskRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.SubmitTaskResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getSubmitTaskMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Looks a task up. NOT_FOUND when unknown or past retention.
     * </pre>
     */
    public void getTask(io.agentlane.v1.GetTaskRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.GetTaskResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetTaskMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Lists tasks, newest first.
     * </pre>
     */
    public void listTasks(io.agentlane.v1.ListTasksRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.ListTasksResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListTasksMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Streams a task's log after a sequence, up to and including the terminal event, and follows it
     * while the task runs. Ends with OK whatever the task's state. OUT_OF_RANGE when the position is
     * beyond the log's end or the log is past retention.
     * </pre>
     */
    public void watchTask(io.agentlane.v1.WatchTaskRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.WatchTaskResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getWatchTaskMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Cancels a task. Idempotent; a terminal task is returned as it is. Waits up to a second for a
     * running attempt to stop; a task that is still RUNNING then has cancel_requested_at set.
     * </pre>
     */
    public void cancelTask(io.agentlane.v1.CancelTaskRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.CancelTaskResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCancelTaskMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Lists dead letters: FAILED tasks, newest first.
     * </pre>
     */
    public void listDeadLetters(io.agentlane.v1.ListDeadLettersRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.ListDeadLettersResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListDeadLettersMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Sends dead letters back to the end of their lanes, attempts reset. Tasks that are none are
     * skipped and named in the answer.
     * </pre>
     */
    public void redriveTasks(io.agentlane.v1.RedriveTasksRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.RedriveTasksResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getRedriveTasksMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Deletes dead letters for good.
     * </pre>
     */
    public void purgeDeadLetters(io.agentlane.v1.PurgeDeadLettersRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.PurgeDeadLettersResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getPurgeDeadLettersMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service TaskService.
   * <pre>
   * Everything about tasks that is not "run a turn and wait". Tasks of other tenants answer NOT_FOUND.
   * </pre>
   */
  public static final class TaskServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<TaskServiceBlockingV2Stub> {
    private TaskServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected TaskServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new TaskServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Accepts a turn and returns at once. OK means: the task's record is durable as far as the
     * configured store promises. Errors as AgentService.Execute's up to the accept.
     * </pre>
     */
    public io.agentlane.v1.SubmitTaskResponse submitTask(io.agentlane.v1.SubmitTaskRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getSubmitTaskMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Looks a task up. NOT_FOUND when unknown or past retention.
     * </pre>
     */
    public io.agentlane.v1.GetTaskResponse getTask(io.agentlane.v1.GetTaskRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetTaskMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists tasks, newest first.
     * </pre>
     */
    public io.agentlane.v1.ListTasksResponse listTasks(io.agentlane.v1.ListTasksRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListTasksMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Streams a task's log after a sequence, up to and including the terminal event, and follows it
     * while the task runs. Ends with OK whatever the task's state. OUT_OF_RANGE when the position is
     * beyond the log's end or the log is past retention.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, io.agentlane.v1.WatchTaskResponse>
        watchTask(io.agentlane.v1.WatchTaskRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getWatchTaskMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Cancels a task. Idempotent; a terminal task is returned as it is. Waits up to a second for a
     * running attempt to stop; a task that is still RUNNING then has cancel_requested_at set.
     * </pre>
     */
    public io.agentlane.v1.CancelTaskResponse cancelTask(io.agentlane.v1.CancelTaskRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getCancelTaskMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists dead letters: FAILED tasks, newest first.
     * </pre>
     */
    public io.agentlane.v1.ListDeadLettersResponse listDeadLetters(io.agentlane.v1.ListDeadLettersRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListDeadLettersMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Sends dead letters back to the end of their lanes, attempts reset. Tasks that are none are
     * skipped and named in the answer.
     * </pre>
     */
    public io.agentlane.v1.RedriveTasksResponse redriveTasks(io.agentlane.v1.RedriveTasksRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getRedriveTasksMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Deletes dead letters for good.
     * </pre>
     */
    public io.agentlane.v1.PurgeDeadLettersResponse purgeDeadLetters(io.agentlane.v1.PurgeDeadLettersRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getPurgeDeadLettersMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service TaskService.
   * <pre>
   * Everything about tasks that is not "run a turn and wait". Tasks of other tenants answer NOT_FOUND.
   * </pre>
   */
  public static final class TaskServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<TaskServiceBlockingStub> {
    private TaskServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected TaskServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new TaskServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Accepts a turn and returns at once. OK means: the task's record is durable as far as the
     * configured store promises. Errors as AgentService.Execute's up to the accept.
     * </pre>
     */
    public io.agentlane.v1.SubmitTaskResponse submitTask(io.agentlane.v1.SubmitTaskRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getSubmitTaskMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Looks a task up. NOT_FOUND when unknown or past retention.
     * </pre>
     */
    public io.agentlane.v1.GetTaskResponse getTask(io.agentlane.v1.GetTaskRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetTaskMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists tasks, newest first.
     * </pre>
     */
    public io.agentlane.v1.ListTasksResponse listTasks(io.agentlane.v1.ListTasksRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListTasksMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Streams a task's log after a sequence, up to and including the terminal event, and follows it
     * while the task runs. Ends with OK whatever the task's state. OUT_OF_RANGE when the position is
     * beyond the log's end or the log is past retention.
     * </pre>
     */
    public java.util.Iterator<io.agentlane.v1.WatchTaskResponse> watchTask(
        io.agentlane.v1.WatchTaskRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getWatchTaskMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Cancels a task. Idempotent; a terminal task is returned as it is. Waits up to a second for a
     * running attempt to stop; a task that is still RUNNING then has cancel_requested_at set.
     * </pre>
     */
    public io.agentlane.v1.CancelTaskResponse cancelTask(io.agentlane.v1.CancelTaskRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCancelTaskMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists dead letters: FAILED tasks, newest first.
     * </pre>
     */
    public io.agentlane.v1.ListDeadLettersResponse listDeadLetters(io.agentlane.v1.ListDeadLettersRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListDeadLettersMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Sends dead letters back to the end of their lanes, attempts reset. Tasks that are none are
     * skipped and named in the answer.
     * </pre>
     */
    public io.agentlane.v1.RedriveTasksResponse redriveTasks(io.agentlane.v1.RedriveTasksRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getRedriveTasksMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Deletes dead letters for good.
     * </pre>
     */
    public io.agentlane.v1.PurgeDeadLettersResponse purgeDeadLetters(io.agentlane.v1.PurgeDeadLettersRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getPurgeDeadLettersMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service TaskService.
   * <pre>
   * Everything about tasks that is not "run a turn and wait". Tasks of other tenants answer NOT_FOUND.
   * </pre>
   */
  public static final class TaskServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<TaskServiceFutureStub> {
    private TaskServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected TaskServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new TaskServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Accepts a turn and returns at once. OK means: the task's record is durable as far as the
     * configured store promises. Errors as AgentService.Execute's up to the accept.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.agentlane.v1.SubmitTaskResponse> submitTask(
        io.agentlane.v1.SubmitTaskRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getSubmitTaskMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Looks a task up. NOT_FOUND when unknown or past retention.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.agentlane.v1.GetTaskResponse> getTask(
        io.agentlane.v1.GetTaskRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetTaskMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Lists tasks, newest first.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.agentlane.v1.ListTasksResponse> listTasks(
        io.agentlane.v1.ListTasksRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListTasksMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Cancels a task. Idempotent; a terminal task is returned as it is. Waits up to a second for a
     * running attempt to stop; a task that is still RUNNING then has cancel_requested_at set.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.agentlane.v1.CancelTaskResponse> cancelTask(
        io.agentlane.v1.CancelTaskRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCancelTaskMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Lists dead letters: FAILED tasks, newest first.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.agentlane.v1.ListDeadLettersResponse> listDeadLetters(
        io.agentlane.v1.ListDeadLettersRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListDeadLettersMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Sends dead letters back to the end of their lanes, attempts reset. Tasks that are none are
     * skipped and named in the answer.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.agentlane.v1.RedriveTasksResponse> redriveTasks(
        io.agentlane.v1.RedriveTasksRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getRedriveTasksMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Deletes dead letters for good.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.agentlane.v1.PurgeDeadLettersResponse> purgeDeadLetters(
        io.agentlane.v1.PurgeDeadLettersRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getPurgeDeadLettersMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_SUBMIT_TASK = 0;
  private static final int METHODID_GET_TASK = 1;
  private static final int METHODID_LIST_TASKS = 2;
  private static final int METHODID_WATCH_TASK = 3;
  private static final int METHODID_CANCEL_TASK = 4;
  private static final int METHODID_LIST_DEAD_LETTERS = 5;
  private static final int METHODID_REDRIVE_TASKS = 6;
  private static final int METHODID_PURGE_DEAD_LETTERS = 7;

  private static final class MethodHandlers<Req, Resp> implements
      io.grpc.stub.ServerCalls.UnaryMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ServerStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ClientStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.BidiStreamingMethod<Req, Resp> {
    private final AsyncService serviceImpl;
    private final int methodId;

    MethodHandlers(AsyncService serviceImpl, int methodId) {
      this.serviceImpl = serviceImpl;
      this.methodId = methodId;
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public void invoke(Req request, io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        case METHODID_SUBMIT_TASK:
          serviceImpl.submitTask((io.agentlane.v1.SubmitTaskRequest) request,
              (io.grpc.stub.StreamObserver<io.agentlane.v1.SubmitTaskResponse>) responseObserver);
          break;
        case METHODID_GET_TASK:
          serviceImpl.getTask((io.agentlane.v1.GetTaskRequest) request,
              (io.grpc.stub.StreamObserver<io.agentlane.v1.GetTaskResponse>) responseObserver);
          break;
        case METHODID_LIST_TASKS:
          serviceImpl.listTasks((io.agentlane.v1.ListTasksRequest) request,
              (io.grpc.stub.StreamObserver<io.agentlane.v1.ListTasksResponse>) responseObserver);
          break;
        case METHODID_WATCH_TASK:
          serviceImpl.watchTask((io.agentlane.v1.WatchTaskRequest) request,
              (io.grpc.stub.StreamObserver<io.agentlane.v1.WatchTaskResponse>) responseObserver);
          break;
        case METHODID_CANCEL_TASK:
          serviceImpl.cancelTask((io.agentlane.v1.CancelTaskRequest) request,
              (io.grpc.stub.StreamObserver<io.agentlane.v1.CancelTaskResponse>) responseObserver);
          break;
        case METHODID_LIST_DEAD_LETTERS:
          serviceImpl.listDeadLetters((io.agentlane.v1.ListDeadLettersRequest) request,
              (io.grpc.stub.StreamObserver<io.agentlane.v1.ListDeadLettersResponse>) responseObserver);
          break;
        case METHODID_REDRIVE_TASKS:
          serviceImpl.redriveTasks((io.agentlane.v1.RedriveTasksRequest) request,
              (io.grpc.stub.StreamObserver<io.agentlane.v1.RedriveTasksResponse>) responseObserver);
          break;
        case METHODID_PURGE_DEAD_LETTERS:
          serviceImpl.purgeDeadLetters((io.agentlane.v1.PurgeDeadLettersRequest) request,
              (io.grpc.stub.StreamObserver<io.agentlane.v1.PurgeDeadLettersResponse>) responseObserver);
          break;
        default:
          throw new AssertionError();
      }
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public io.grpc.stub.StreamObserver<Req> invoke(
        io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        default:
          throw new AssertionError();
      }
    }
  }

  public static final io.grpc.ServerServiceDefinition bindService(AsyncService service) {
    return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
        .addMethod(
          getSubmitTaskMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.agentlane.v1.SubmitTaskRequest,
              io.agentlane.v1.SubmitTaskResponse>(
                service, METHODID_SUBMIT_TASK)))
        .addMethod(
          getGetTaskMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.agentlane.v1.GetTaskRequest,
              io.agentlane.v1.GetTaskResponse>(
                service, METHODID_GET_TASK)))
        .addMethod(
          getListTasksMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.agentlane.v1.ListTasksRequest,
              io.agentlane.v1.ListTasksResponse>(
                service, METHODID_LIST_TASKS)))
        .addMethod(
          getWatchTaskMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              io.agentlane.v1.WatchTaskRequest,
              io.agentlane.v1.WatchTaskResponse>(
                service, METHODID_WATCH_TASK)))
        .addMethod(
          getCancelTaskMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.agentlane.v1.CancelTaskRequest,
              io.agentlane.v1.CancelTaskResponse>(
                service, METHODID_CANCEL_TASK)))
        .addMethod(
          getListDeadLettersMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.agentlane.v1.ListDeadLettersRequest,
              io.agentlane.v1.ListDeadLettersResponse>(
                service, METHODID_LIST_DEAD_LETTERS)))
        .addMethod(
          getRedriveTasksMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.agentlane.v1.RedriveTasksRequest,
              io.agentlane.v1.RedriveTasksResponse>(
                service, METHODID_REDRIVE_TASKS)))
        .addMethod(
          getPurgeDeadLettersMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.agentlane.v1.PurgeDeadLettersRequest,
              io.agentlane.v1.PurgeDeadLettersResponse>(
                service, METHODID_PURGE_DEAD_LETTERS)))
        .build();
  }

  private static abstract class TaskServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    TaskServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return io.agentlane.v1.TaskServiceProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("TaskService");
    }
  }

  private static final class TaskServiceFileDescriptorSupplier
      extends TaskServiceBaseDescriptorSupplier {
    TaskServiceFileDescriptorSupplier() {}
  }

  private static final class TaskServiceMethodDescriptorSupplier
      extends TaskServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    TaskServiceMethodDescriptorSupplier(java.lang.String methodName) {
      this.methodName = methodName;
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.MethodDescriptor getMethodDescriptor() {
      return getServiceDescriptor().findMethodByName(methodName);
    }
  }

  private static volatile io.grpc.ServiceDescriptor serviceDescriptor;

  public static io.grpc.ServiceDescriptor getServiceDescriptor() {
    io.grpc.ServiceDescriptor result = serviceDescriptor;
    if (result == null) {
      synchronized (TaskServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new TaskServiceFileDescriptorSupplier())
              .addMethod(getSubmitTaskMethod())
              .addMethod(getGetTaskMethod())
              .addMethod(getListTasksMethod())
              .addMethod(getWatchTaskMethod())
              .addMethod(getCancelTaskMethod())
              .addMethod(getListDeadLettersMethod())
              .addMethod(getRedriveTasksMethod())
              .addMethod(getPurgeDeadLettersMethod())
              .build();
        }
      }
    }
    return result;
  }
}
