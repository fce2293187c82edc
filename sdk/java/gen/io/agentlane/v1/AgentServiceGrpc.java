package io.agentlane.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Runs turns of agents as durable tasks. Both calls submit a task and watch it; they differ only in
 * what they return. A gRPC deadline becomes the task's deadline.
 * Errors of both: INVALID_ARGUMENT with google.rpc.BadRequest; NOT_FOUND for an unknown agent;
 * ALREADY_EXISTS for an idempotency key used with another request; FAILED_PRECONDITION when the
 * session is busy and the strategy is REJECT; RESOURCE_EXHAUSTED and UNAVAILABLE with
 * google.rpc.RetryInfo; DEADLINE_EXCEEDED; CANCELED. When the task itself failed, the status is that
 * of its error. Each carries google.rpc.ErrorInfo with a stable reason and, once a task exists, its
 * task_id.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class AgentServiceGrpc {

  private AgentServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "agentlane.v1.AgentService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<io.agentlane.v1.ExecuteRequest,
      io.agentlane.v1.ExecuteResponse> getExecuteMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Execute",
      requestType = io.agentlane.v1.ExecuteRequest.class,
      responseType = io.agentlane.v1.ExecuteResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.agentlane.v1.ExecuteRequest,
      io.agentlane.v1.ExecuteResponse> getExecuteMethod() {
    io.grpc.MethodDescriptor<io.agentlane.v1.ExecuteRequest, io.agentlane.v1.ExecuteResponse> getExecuteMethod;
    if ((getExecuteMethod = AgentServiceGrpc.getExecuteMethod) == null) {
      synchronized (AgentServiceGrpc.class) {
        if ((getExecuteMethod = AgentServiceGrpc.getExecuteMethod) == null) {
          AgentServiceGrpc.getExecuteMethod = getExecuteMethod =
              io.grpc.MethodDescriptor.<io.agentlane.v1.ExecuteRequest, io.agentlane.v1.ExecuteResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Execute"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.ExecuteRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.ExecuteResponse.getDefaultInstance()))
              .setSchemaDescriptor(new AgentServiceMethodDescriptorSupplier("Execute"))
              .build();
        }
      }
    }
    return getExecuteMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.agentlane.v1.StreamExecuteRequest,
      io.agentlane.v1.StreamExecuteResponse> getStreamExecuteMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "StreamExecute",
      requestType = io.agentlane.v1.StreamExecuteRequest.class,
      responseType = io.agentlane.v1.StreamExecuteResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<io.agentlane.v1.StreamExecuteRequest,
      io.agentlane.v1.StreamExecuteResponse> getStreamExecuteMethod() {
    io.grpc.MethodDescriptor<io.agentlane.v1.StreamExecuteRequest, io.agentlane.v1.StreamExecuteResponse> getStreamExecuteMethod;
    if ((getStreamExecuteMethod = AgentServiceGrpc.getStreamExecuteMethod) == null) {
      synchronized (AgentServiceGrpc.class) {
        if ((getStreamExecuteMethod = AgentServiceGrpc.getStreamExecuteMethod) == null) {
          AgentServiceGrpc.getStreamExecuteMethod = getStreamExecuteMethod =
              io.grpc.MethodDescriptor.<io.agentlane.v1.StreamExecuteRequest, io.agentlane.v1.StreamExecuteResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "StreamExecute"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.StreamExecuteRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.StreamExecuteResponse.getDefaultInstance()))
              .setSchemaDescriptor(new AgentServiceMethodDescriptorSupplier("StreamExecute"))
              .build();
        }
      }
    }
    return getStreamExecuteMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static AgentServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<AgentServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<AgentServiceStub>() {
        @java.lang.Override
        public AgentServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new AgentServiceStub(channel, callOptions);
        }
      };
    return AgentServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static AgentServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<AgentServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<AgentServiceBlockingV2Stub>() {
        @java.lang.Override
        public AgentServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new AgentServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return AgentServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static AgentServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<AgentServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<AgentServiceBlockingStub>() {
        @java.lang.Override
        public AgentServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new AgentServiceBlockingStub(channel, callOptions);
        }
      };
    return AgentServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static AgentServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<AgentServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<AgentServiceFutureStub>() {
        @java.lang.Override
        public AgentServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new AgentServiceFutureStub(channel, callOptions);
        }
      };
    return AgentServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Runs turns of agents as durable tasks. Both calls submit a task and watch it; they differ only in
   * what they return. A gRPC deadline becomes the task's deadline.
   * Errors of both: INVALID_ARGUMENT with google.rpc.BadRequest; NOT_FOUND for an unknown agent;
   * ALREADY_EXISTS for an idempotency key used with another request; FAILED_PRECONDITION when the
   * session is busy and the strategy is REJECT; RESOURCE_EXHAUSTED and UNAVAILABLE with
   * google.rpc.RetryInfo; DEADLINE_EXCEEDED; CANCELED. When the task itself failed, the status is that
   * of its error. Each carries google.rpc.ErrorInfo with a stable reason and, once a task exists, its
   * task_id.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Runs a turn and answers with its result.
     * </pre>
     */
    default void execute(io.agentlane.v1.ExecuteRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.ExecuteResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getExecuteMethod(), responseObserver);
    }

    /**
     * <pre>
     * Runs a turn and streams its log, from the first event to the terminal one. After a broken
     * connection go on with TaskService.WatchTask and the last sequence seen.
     * </pre>
     */
    default void streamExecute(io.agentlane.v1.StreamExecuteRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.StreamExecuteResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getStreamExecuteMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service AgentService.
   * <pre>
   * Runs turns of agents as durable tasks. Both calls submit a task and watch it; they differ only in
   * what they return. A gRPC deadline becomes the task's deadline.
   * Errors of both: INVALID_ARGUMENT with google.rpc.BadRequest; NOT_FOUND for an unknown agent;
   * ALREADY_EXISTS for an idempotency key used with another request; FAILED_PRECONDITION when the
   * session is busy and the strategy is REJECT; RESOURCE_EXHAUSTED and UNAVAILABLE with
   * google.rpc.RetryInfo; DEADLINE_EXCEEDED; CANCELED. When the task itself failed, the status is that
   * of its error. Each carries google.rpc.ErrorInfo with a stable reason and, once a task exists, its
   * task_id.
   * </pre>
   */
  public static abstract class AgentServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return AgentServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service AgentService.
   * <pre>
   * Runs turns of agents as durable tasks. Both calls submit a task and watch it; they differ only in
   * what they return. A gRPC deadline becomes the task's deadline.
   * Errors of both: INVALID_ARGUMENT with google.rpc.BadRequest; NOT_FOUND for an unknown agent;
   * ALREADY_EXISTS for an idempotency key used with another request; FAILED_PRECONDITION when the
   * session is busy and the strategy is REJECT; RESOURCE_EXHAUSTED and UNAVAILABLE with
   * google.rpc.RetryInfo; DEADLINE_EXCEEDED; CANCELED. When the task itself failed, the status is that
   * of its error. Each carries google.rpc.ErrorInfo with a stable reason and, once a task exists, its
   * task_id.
   * </pre>
   */
  public static final class AgentServiceStub
      extends io.grpc.stub.AbstractAsyncStub<AgentServiceStub> {
    private AgentServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected AgentServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new AgentServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Runs a turn and answers with its result.
     * </pre>
     */
    public void execute(io.agentlane.v1.ExecuteRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.ExecuteResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getExecuteMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Runs a turn and streams its log, from the first event to the terminal one. After a broken
     * connection go on with TaskService.WatchTask and the last sequence seen.
     * </pre>
     */
    public void streamExecute(io.agentlane.v1.StreamExecuteRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.StreamExecuteResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getStreamExecuteMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service AgentService.
   * <pre>
   * Runs turns of agents as durable tasks. Both calls submit a task and watch it; they differ only in
   * what they return. A gRPC deadline becomes the task's deadline.
   * Errors of both: INVALID_ARGUMENT with google.rpc.BadRequest; NOT_FOUND for an unknown agent;
   * ALREADY_EXISTS for an idempotency key used with another request; FAILED_PRECONDITION when the
   * session is busy and the strategy is REJECT; RESOURCE_EXHAUSTED and UNAVAILABLE with
   * google.rpc.RetryInfo; DEADLINE_EXCEEDED; CANCELED. When the task itself failed, the status is that
   * of its error. Each carries google.rpc.ErrorInfo with a stable reason and, once a task exists, its
   * task_id.
   * </pre>
   */
  public static final class AgentServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<AgentServiceBlockingV2Stub> {
    private AgentServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected AgentServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new AgentServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Runs a turn and answers with its result.
     * </pre>
     */
    public io.agentlane.v1.ExecuteResponse execute(io.agentlane.v1.ExecuteRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getExecuteMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Runs a turn and streams its log, from the first event to the terminal one. After a broken
     * connection go on with TaskService.WatchTask and the last sequence seen.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, io.agentlane.v1.StreamExecuteResponse>
        streamExecute(io.agentlane.v1.StreamExecuteRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getStreamExecuteMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service AgentService.
   * <pre>
   * Runs turns of agents as durable tasks. Both calls submit a task and watch it; they differ only in
   * what they return. A gRPC deadline becomes the task's deadline.
   * Errors of both: INVALID_ARGUMENT with google.rpc.BadRequest; NOT_FOUND for an unknown agent;
   * ALREADY_EXISTS for an idempotency key used with another request; FAILED_PRECONDITION when the
   * session is busy and the strategy is REJECT; RESOURCE_EXHAUSTED and UNAVAILABLE with
   * google.rpc.RetryInfo; DEADLINE_EXCEEDED; CANCELED. When the task itself failed, the status is that
   * of its error. Each carries google.rpc.ErrorInfo with a stable reason and, once a task exists, its
   * task_id.
   * </pre>
   */
  public static final class AgentServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<AgentServiceBlockingStub> {
    private AgentServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected AgentServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new AgentServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Runs a turn and answers with its result.
     * </pre>
     */
    public io.agentlane.v1.ExecuteResponse execute(io.agentlane.v1.ExecuteRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getExecuteMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Runs a turn and streams its log, from the first event to the terminal one. After a broken
     * connection go on with TaskService.WatchTask and the last sequence seen.
     * </pre>
     */
    public java.util.Iterator<io.agentlane.v1.StreamExecuteResponse> streamExecute(
        io.agentlane.v1.StreamExecuteRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getStreamExecuteMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service AgentService.
   * <pre>
   * Runs turns of agents as durable tasks. Both calls submit a task and watch it; they differ only in
   * what they return. A gRPC deadline becomes the task's deadline.
   * Errors of both: INVALID_ARGUMENT with google.rpc.BadRequest; NOT_FOUND for an unknown agent;
   * ALREADY_EXISTS for an idempotency key used with another request; FAILED_PRECONDITION when the
   * session is busy and the strategy is REJECT; RESOURCE_EXHAUSTED and UNAVAILABLE with
   * google.rpc.RetryInfo; DEADLINE_EXCEEDED; CANCELED. When the task itself failed, the status is that
   * of its error. Each carries google.rpc.ErrorInfo with a stable reason and, once a task exists, its
   * task_id.
   * </pre>
   */
  public static final class AgentServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<AgentServiceFutureStub> {
    private AgentServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected AgentServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new AgentServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Runs a turn and answers with its result.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.agentlane.v1.ExecuteResponse> execute(
        io.agentlane.v1.ExecuteRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getExecuteMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_EXECUTE = 0;
  private static final int METHODID_STREAM_EXECUTE = 1;

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
        case METHODID_EXECUTE:
          serviceImpl.execute((io.agentlane.v1.ExecuteRequest) request,
              (io.grpc.stub.StreamObserver<io.agentlane.v1.ExecuteResponse>) responseObserver);
          break;
        case METHODID_STREAM_EXECUTE:
          serviceImpl.streamExecute((io.agentlane.v1.StreamExecuteRequest) request,
              (io.grpc.stub.StreamObserver<io.agentlane.v1.StreamExecuteResponse>) responseObserver);
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
          getExecuteMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.agentlane.v1.ExecuteRequest,
              io.agentlane.v1.ExecuteResponse>(
                service, METHODID_EXECUTE)))
        .addMethod(
          getStreamExecuteMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              io.agentlane.v1.StreamExecuteRequest,
              io.agentlane.v1.StreamExecuteResponse>(
                service, METHODID_STREAM_EXECUTE)))
        .build();
  }

  private static abstract class AgentServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    AgentServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return io.agentlane.v1.AgentServiceProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("AgentService");
    }
  }

  private static final class AgentServiceFileDescriptorSupplier
      extends AgentServiceBaseDescriptorSupplier {
    AgentServiceFileDescriptorSupplier() {}
  }

  private static final class AgentServiceMethodDescriptorSupplier
      extends AgentServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    AgentServiceMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (AgentServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new AgentServiceFileDescriptorSupplier())
              .addMethod(getExecuteMethod())
              .addMethod(getStreamExecuteMethod())
              .build();
        }
      }
    }
    return result;
  }
}
