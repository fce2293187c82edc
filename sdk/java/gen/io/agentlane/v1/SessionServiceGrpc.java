package io.agentlane.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Inspects, moves and ends sessions. Sessions of other tenants answer NOT_FOUND.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class SessionServiceGrpc {

  private SessionServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "agentlane.v1.SessionService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<io.agentlane.v1.GetSessionRequest,
      io.agentlane.v1.GetSessionResponse> getGetSessionMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetSession",
      requestType = io.agentlane.v1.GetSessionRequest.class,
      responseType = io.agentlane.v1.GetSessionResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.agentlane.v1.GetSessionRequest,
      io.agentlane.v1.GetSessionResponse> getGetSessionMethod() {
    io.grpc.MethodDescriptor<io.agentlane.v1.GetSessionRequest, io.agentlane.v1.GetSessionResponse> getGetSessionMethod;
    if ((getGetSessionMethod = SessionServiceGrpc.getGetSessionMethod) == null) {
      synchronized (SessionServiceGrpc.class) {
        if ((getGetSessionMethod = SessionServiceGrpc.getGetSessionMethod) == null) {
          SessionServiceGrpc.getGetSessionMethod = getGetSessionMethod =
              io.grpc.MethodDescriptor.<io.agentlane.v1.GetSessionRequest, io.agentlane.v1.GetSessionResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetSession"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.GetSessionRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.GetSessionResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SessionServiceMethodDescriptorSupplier("GetSession"))
              .build();
        }
      }
    }
    return getGetSessionMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.agentlane.v1.ListSessionsRequest,
      io.agentlane.v1.ListSessionsResponse> getListSessionsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListSessions",
      requestType = io.agentlane.v1.ListSessionsRequest.class,
      responseType = io.agentlane.v1.ListSessionsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.agentlane.v1.ListSessionsRequest,
      io.agentlane.v1.ListSessionsResponse> getListSessionsMethod() {
    io.grpc.MethodDescriptor<io.agentlane.v1.ListSessionsRequest, io.agentlane.v1.ListSessionsResponse> getListSessionsMethod;
    if ((getListSessionsMethod = SessionServiceGrpc.getListSessionsMethod) == null) {
      synchronized (SessionServiceGrpc.class) {
        if ((getListSessionsMethod = SessionServiceGrpc.getListSessionsMethod) == null) {
          SessionServiceGrpc.getListSessionsMethod = getListSessionsMethod =
              io.grpc.MethodDescriptor.<io.agentlane.v1.ListSessionsRequest, io.agentlane.v1.ListSessionsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListSessions"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.ListSessionsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.ListSessionsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SessionServiceMethodDescriptorSupplier("ListSessions"))
              .build();
        }
      }
    }
    return getListSessionsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.agentlane.v1.ListInstancesRequest,
      io.agentlane.v1.ListInstancesResponse> getListInstancesMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListInstances",
      requestType = io.agentlane.v1.ListInstancesRequest.class,
      responseType = io.agentlane.v1.ListInstancesResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.agentlane.v1.ListInstancesRequest,
      io.agentlane.v1.ListInstancesResponse> getListInstancesMethod() {
    io.grpc.MethodDescriptor<io.agentlane.v1.ListInstancesRequest, io.agentlane.v1.ListInstancesResponse> getListInstancesMethod;
    if ((getListInstancesMethod = SessionServiceGrpc.getListInstancesMethod) == null) {
      synchronized (SessionServiceGrpc.class) {
        if ((getListInstancesMethod = SessionServiceGrpc.getListInstancesMethod) == null) {
          SessionServiceGrpc.getListInstancesMethod = getListInstancesMethod =
              io.grpc.MethodDescriptor.<io.agentlane.v1.ListInstancesRequest, io.agentlane.v1.ListInstancesResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListInstances"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.ListInstancesRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.ListInstancesResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SessionServiceMethodDescriptorSupplier("ListInstances"))
              .build();
        }
      }
    }
    return getListInstancesMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.agentlane.v1.DestroySessionRequest,
      io.agentlane.v1.DestroySessionResponse> getDestroySessionMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "DestroySession",
      requestType = io.agentlane.v1.DestroySessionRequest.class,
      responseType = io.agentlane.v1.DestroySessionResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.agentlane.v1.DestroySessionRequest,
      io.agentlane.v1.DestroySessionResponse> getDestroySessionMethod() {
    io.grpc.MethodDescriptor<io.agentlane.v1.DestroySessionRequest, io.agentlane.v1.DestroySessionResponse> getDestroySessionMethod;
    if ((getDestroySessionMethod = SessionServiceGrpc.getDestroySessionMethod) == null) {
      synchronized (SessionServiceGrpc.class) {
        if ((getDestroySessionMethod = SessionServiceGrpc.getDestroySessionMethod) == null) {
          SessionServiceGrpc.getDestroySessionMethod = getDestroySessionMethod =
              io.grpc.MethodDescriptor.<io.agentlane.v1.DestroySessionRequest, io.agentlane.v1.DestroySessionResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "DestroySession"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.DestroySessionRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.DestroySessionResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SessionServiceMethodDescriptorSupplier("DestroySession"))
              .build();
        }
      }
    }
    return getDestroySessionMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.agentlane.v1.ExportSessionRequest,
      io.agentlane.v1.ExportSessionResponse> getExportSessionMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ExportSession",
      requestType = io.agentlane.v1.ExportSessionRequest.class,
      responseType = io.agentlane.v1.ExportSessionResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.agentlane.v1.ExportSessionRequest,
      io.agentlane.v1.ExportSessionResponse> getExportSessionMethod() {
    io.grpc.MethodDescriptor<io.agentlane.v1.ExportSessionRequest, io.agentlane.v1.ExportSessionResponse> getExportSessionMethod;
    if ((getExportSessionMethod = SessionServiceGrpc.getExportSessionMethod) == null) {
      synchronized (SessionServiceGrpc.class) {
        if ((getExportSessionMethod = SessionServiceGrpc.getExportSessionMethod) == null) {
          SessionServiceGrpc.getExportSessionMethod = getExportSessionMethod =
              io.grpc.MethodDescriptor.<io.agentlane.v1.ExportSessionRequest, io.agentlane.v1.ExportSessionResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ExportSession"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.ExportSessionRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.ExportSessionResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SessionServiceMethodDescriptorSupplier("ExportSession"))
              .build();
        }
      }
    }
    return getExportSessionMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.agentlane.v1.ImportSessionRequest,
      io.agentlane.v1.ImportSessionResponse> getImportSessionMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ImportSession",
      requestType = io.agentlane.v1.ImportSessionRequest.class,
      responseType = io.agentlane.v1.ImportSessionResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.agentlane.v1.ImportSessionRequest,
      io.agentlane.v1.ImportSessionResponse> getImportSessionMethod() {
    io.grpc.MethodDescriptor<io.agentlane.v1.ImportSessionRequest, io.agentlane.v1.ImportSessionResponse> getImportSessionMethod;
    if ((getImportSessionMethod = SessionServiceGrpc.getImportSessionMethod) == null) {
      synchronized (SessionServiceGrpc.class) {
        if ((getImportSessionMethod = SessionServiceGrpc.getImportSessionMethod) == null) {
          SessionServiceGrpc.getImportSessionMethod = getImportSessionMethod =
              io.grpc.MethodDescriptor.<io.agentlane.v1.ImportSessionRequest, io.agentlane.v1.ImportSessionResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ImportSession"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.ImportSessionRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.ImportSessionResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SessionServiceMethodDescriptorSupplier("ImportSession"))
              .build();
        }
      }
    }
    return getImportSessionMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static SessionServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<SessionServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<SessionServiceStub>() {
        @java.lang.Override
        public SessionServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new SessionServiceStub(channel, callOptions);
        }
      };
    return SessionServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static SessionServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<SessionServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<SessionServiceBlockingV2Stub>() {
        @java.lang.Override
        public SessionServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new SessionServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return SessionServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static SessionServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<SessionServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<SessionServiceBlockingStub>() {
        @java.lang.Override
        public SessionServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new SessionServiceBlockingStub(channel, callOptions);
        }
      };
    return SessionServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static SessionServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<SessionServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<SessionServiceFutureStub>() {
        @java.lang.Override
        public SessionServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new SessionServiceFutureStub(channel, callOptions);
        }
      };
    return SessionServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Inspects, moves and ends sessions. Sessions of other tenants answer NOT_FOUND.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * A session's context with its history. NOT_FOUND before the first committed turn.
     * </pre>
     */
    default void getSession(io.agentlane.v1.GetSessionRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.GetSessionResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetSessionMethod(), responseObserver);
    }

    /**
     * <pre>
     * Lists sessions, last used first.
     * </pre>
     */
    default void listSessions(io.agentlane.v1.ListSessionsRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.ListSessionsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListSessionsMethod(), responseObserver);
    }

    /**
     * <pre>
     * Lists the live instances of all workers.
     * </pre>
     */
    default void listInstances(io.agentlane.v1.ListInstancesRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.ListInstancesResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListInstancesMethod(), responseObserver);
    }

    /**
     * <pre>
     * Cancels the session's unfinished tasks, evicts its instance and deletes its context and its
     * tasks with their logs. Idempotent.
     * </pre>
     */
    default void destroySession(io.agentlane.v1.DestroySessionRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.DestroySessionResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getDestroySessionMethod(), responseObserver);
    }

    /**
     * <pre>
     * A session's context as one value, for a backup or another installation.
     * </pre>
     */
    default void exportSession(io.agentlane.v1.ExportSessionRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.ExportSessionResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getExportSessionMethod(), responseObserver);
    }

    /**
     * <pre>
     * Creates or replaces a session from an exported context. FAILED_PRECONDITION with reason
     * SESSION_BUSY while the session has unfinished tasks; ALREADY_EXISTS when it exists and overwrite
     * is not set.
     * </pre>
     */
    default void importSession(io.agentlane.v1.ImportSessionRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.ImportSessionResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getImportSessionMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service SessionService.
   * <pre>
   * Inspects, moves and ends sessions. Sessions of other tenants answer NOT_FOUND.
   * </pre>
   */
  public static abstract class SessionServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return SessionServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service SessionService.
   * <pre>
   * Inspects, moves and ends sessions. Sessions of other tenants answer NOT_FOUND.
   * </pre>
   */
  public static final class SessionServiceStub
      extends io.grpc.stub.AbstractAsyncStub<SessionServiceStub> {
    private SessionServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected SessionServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new SessionServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * A session's context with its history. NOT_FOUND before the first committed turn.
     * </pre>
     */
    public void getSession(io.agentlane.v1.GetSessionRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.GetSessionResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetSessionMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Lists sessions, last used first.
     * </pre>
     */
    public void listSessions(io.agentlane.v1.ListSessionsRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.ListSessionsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListSessionsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Lists the live instances of all workers.
     * </pre>
     */
    public void listInstances(io.agentlane.v1.ListInstancesRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.ListInstancesResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListInstancesMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Cancels the session's unfinished tasks, evicts its instance and deletes its context and its
     * tasks with their logs. Idempotent.
     * </pre>
     */
    public void destroySession(io.agentlane.v1.DestroySessionRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.DestroySessionResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getDestroySessionMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * A session's context as one value, for a backup or another installation.
     * </pre>
     */
    public void exportSession(io.agentlane.v1.ExportSessionRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.ExportSessionResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getExportSessionMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Creates or replaces a session from an exported context. FAILED_PRECONDITION with reason
     * SESSION_BUSY while the session has unfinished tasks; ALREADY_EXISTS when it exists and overwrite
     * is not set.
     * </pre>
     */
    public void importSession(io.agentlane.v1.ImportSessionRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.ImportSessionResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getImportSessionMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service SessionService.
   * <pre>
   * Inspects, moves and ends sessions. Sessions of other tenants answer NOT_FOUND.
   * </pre>
   */
  public static final class SessionServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<SessionServiceBlockingV2Stub> {
    private SessionServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected SessionServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new SessionServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * A session's context with its history. NOT_FOUND before the first committed turn.
     * </pre>
     */
    public io.agentlane.v1.GetSessionResponse getSession(io.agentlane.v1.GetSessionRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetSessionMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists sessions, last used first.
     * </pre>
     */
    public io.agentlane.v1.ListSessionsResponse listSessions(io.agentlane.v1.ListSessionsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListSessionsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists the live instances of all workers.
     * </pre>
     */
    public io.agentlane.v1.ListInstancesResponse listInstances(io.agentlane.v1.ListInstancesRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListInstancesMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Cancels the session's unfinished tasks, evicts its instance and deletes its context and its
     * tasks with their logs. Idempotent.
     * </pre>
     */
    public io.agentlane.v1.DestroySessionResponse destroySession(io.agentlane.v1.DestroySessionRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getDestroySessionMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * A session's context as one value, for a backup or another installation.
     * </pre>
     */
    public io.agentlane.v1.ExportSessionResponse exportSession(io.agentlane.v1.ExportSessionRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getExportSessionMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Creates or replaces a session from an exported context. FAILED_PRECONDITION with reason
     * SESSION_BUSY while the session has unfinished tasks; ALREADY_EXISTS when it exists and overwrite
     * is not set.
     * </pre>
     */
    public io.agentlane.v1.ImportSessionResponse importSession(io.agentlane.v1.ImportSessionRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getImportSessionMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service SessionService.
   * <pre>
   * Inspects, moves and ends sessions. Sessions of other tenants answer NOT_FOUND.
   * </pre>
   */
  public static final class SessionServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<SessionServiceBlockingStub> {
    private SessionServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected SessionServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new SessionServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * A session's context with its history. NOT_FOUND before the first committed turn.
     * </pre>
     */
    public io.agentlane.v1.GetSessionResponse getSession(io.agentlane.v1.GetSessionRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetSessionMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists sessions, last used first.
     * </pre>
     */
    public io.agentlane.v1.ListSessionsResponse listSessions(io.agentlane.v1.ListSessionsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListSessionsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists the live instances of all workers.
     * </pre>
     */
    public io.agentlane.v1.ListInstancesResponse listInstances(io.agentlane.v1.ListInstancesRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListInstancesMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Cancels the session's unfinished tasks, evicts its instance and deletes its context and its
     * tasks with their logs. Idempotent.
     * </pre>
     */
    public io.agentlane.v1.DestroySessionResponse destroySession(io.agentlane.v1.DestroySessionRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getDestroySessionMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * A session's context as one value, for a backup or another installation.
     * </pre>
     */
    public io.agentlane.v1.ExportSessionResponse exportSession(io.agentlane.v1.ExportSessionRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getExportSessionMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Creates or replaces a session from an exported context. FAILED_PRECONDITION with reason
     * SESSION_BUSY while the session has unfinished tasks; ALREADY_EXISTS when it exists and overwrite
     * is not set.
     * </pre>
     */
    public io.agentlane.v1.ImportSessionResponse importSession(io.agentlane.v1.ImportSessionRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getImportSessionMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service SessionService.
   * <pre>
   * Inspects, moves and ends sessions. Sessions of other tenants answer NOT_FOUND.
   * </pre>
   */
  public static final class SessionServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<SessionServiceFutureStub> {
    private SessionServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected SessionServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new SessionServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * A session's context with its history. NOT_FOUND before the first committed turn.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.agentlane.v1.GetSessionResponse> getSession(
        io.agentlane.v1.GetSessionRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetSessionMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Lists sessions, last used first.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.agentlane.v1.ListSessionsResponse> listSessions(
        io.agentlane.v1.ListSessionsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListSessionsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Lists the live instances of all workers.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.agentlane.v1.ListInstancesResponse> listInstances(
        io.agentlane.v1.ListInstancesRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListInstancesMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Cancels the session's unfinished tasks, evicts its instance and deletes its context and its
     * tasks with their logs. Idempotent.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.agentlane.v1.DestroySessionResponse> destroySession(
        io.agentlane.v1.DestroySessionRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getDestroySessionMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * A session's context as one value, for a backup or another installation.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.agentlane.v1.ExportSessionResponse> exportSession(
        io.agentlane.v1.ExportSessionRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getExportSessionMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Creates or replaces a session from an exported context. FAILED_PRECONDITION with reason
     * SESSION_BUSY while the session has unfinished tasks; ALREADY_EXISTS when it exists and overwrite
     * is not set.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.agentlane.v1.ImportSessionResponse> importSession(
        io.agentlane.v1.ImportSessionRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getImportSessionMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_GET_SESSION = 0;
  private static final int METHODID_LIST_SESSIONS = 1;
  private static final int METHODID_LIST_INSTANCES = 2;
  private static final int METHODID_DESTROY_SESSION = 3;
  private static final int METHODID_EXPORT_SESSION = 4;
  private static final int METHODID_IMPORT_SESSION = 5;

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
        case METHODID_GET_SESSION:
          serviceImpl.getSession((io.agentlane.v1.GetSessionRequest) request,
              (io.grpc.stub.StreamObserver<io.agentlane.v1.GetSessionResponse>) responseObserver);
          break;
        case METHODID_LIST_SESSIONS:
          serviceImpl.listSessions((io.agentlane.v1.ListSessionsRequest) request,
              (io.grpc.stub.StreamObserver<io.agentlane.v1.ListSessionsResponse>) responseObserver);
          break;
        case METHODID_LIST_INSTANCES:
          serviceImpl.listInstances((io.agentlane.v1.ListInstancesRequest) request,
              (io.grpc.stub.StreamObserver<io.agentlane.v1.ListInstancesResponse>) responseObserver);
          break;
        case METHODID_DESTROY_SESSION:
          serviceImpl.destroySession((io.agentlane.v1.DestroySessionRequest) request,
              (io.grpc.stub.StreamObserver<io.agentlane.v1.DestroySessionResponse>) responseObserver);
          break;
        case METHODID_EXPORT_SESSION:
          serviceImpl.exportSession((io.agentlane.v1.ExportSessionRequest) request,
              (io.grpc.stub.StreamObserver<io.agentlane.v1.ExportSessionResponse>) responseObserver);
          break;
        case METHODID_IMPORT_SESSION:
          serviceImpl.importSession((io.agentlane.v1.ImportSessionRequest) request,
              (io.grpc.stub.StreamObserver<io.agentlane.v1.ImportSessionResponse>) responseObserver);
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
          getGetSessionMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.agentlane.v1.GetSessionRequest,
              io.agentlane.v1.GetSessionResponse>(
                service, METHODID_GET_SESSION)))
        .addMethod(
          getListSessionsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.agentlane.v1.ListSessionsRequest,
              io.agentlane.v1.ListSessionsResponse>(
                service, METHODID_LIST_SESSIONS)))
        .addMethod(
          getListInstancesMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.agentlane.v1.ListInstancesRequest,
              io.agentlane.v1.ListInstancesResponse>(
                service, METHODID_LIST_INSTANCES)))
        .addMethod(
          getDestroySessionMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.agentlane.v1.DestroySessionRequest,
              io.agentlane.v1.DestroySessionResponse>(
                service, METHODID_DESTROY_SESSION)))
        .addMethod(
          getExportSessionMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.agentlane.v1.ExportSessionRequest,
              io.agentlane.v1.ExportSessionResponse>(
                service, METHODID_EXPORT_SESSION)))
        .addMethod(
          getImportSessionMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.agentlane.v1.ImportSessionRequest,
              io.agentlane.v1.ImportSessionResponse>(
                service, METHODID_IMPORT_SESSION)))
        .build();
  }

  private static abstract class SessionServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    SessionServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return io.agentlane.v1.SessionServiceProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("SessionService");
    }
  }

  private static final class SessionServiceFileDescriptorSupplier
      extends SessionServiceBaseDescriptorSupplier {
    SessionServiceFileDescriptorSupplier() {}
  }

  private static final class SessionServiceMethodDescriptorSupplier
      extends SessionServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    SessionServiceMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (SessionServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new SessionServiceFileDescriptorSupplier())
              .addMethod(getGetSessionMethod())
              .addMethod(getListSessionsMethod())
              .addMethod(getListInstancesMethod())
              .addMethod(getDestroySessionMethod())
              .addMethod(getExportSessionMethod())
              .addMethod(getImportSessionMethod())
              .build();
        }
      }
    }
    return result;
  }
}
