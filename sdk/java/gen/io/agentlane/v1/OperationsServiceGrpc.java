package io.agentlane.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Figures, agents and workers.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class OperationsServiceGrpc {

  private OperationsServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "agentlane.v1.OperationsService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<io.agentlane.v1.GetTaskManagerStatusRequest,
      io.agentlane.v1.GetTaskManagerStatusResponse> getGetTaskManagerStatusMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetTaskManagerStatus",
      requestType = io.agentlane.v1.GetTaskManagerStatusRequest.class,
      responseType = io.agentlane.v1.GetTaskManagerStatusResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.agentlane.v1.GetTaskManagerStatusRequest,
      io.agentlane.v1.GetTaskManagerStatusResponse> getGetTaskManagerStatusMethod() {
    io.grpc.MethodDescriptor<io.agentlane.v1.GetTaskManagerStatusRequest, io.agentlane.v1.GetTaskManagerStatusResponse> getGetTaskManagerStatusMethod;
    if ((getGetTaskManagerStatusMethod = OperationsServiceGrpc.getGetTaskManagerStatusMethod) == null) {
      synchronized (OperationsServiceGrpc.class) {
        if ((getGetTaskManagerStatusMethod = OperationsServiceGrpc.getGetTaskManagerStatusMethod) == null) {
          OperationsServiceGrpc.getGetTaskManagerStatusMethod = getGetTaskManagerStatusMethod =
              io.grpc.MethodDescriptor.<io.agentlane.v1.GetTaskManagerStatusRequest, io.agentlane.v1.GetTaskManagerStatusResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetTaskManagerStatus"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.GetTaskManagerStatusRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.GetTaskManagerStatusResponse.getDefaultInstance()))
              .setSchemaDescriptor(new OperationsServiceMethodDescriptorSupplier("GetTaskManagerStatus"))
              .build();
        }
      }
    }
    return getGetTaskManagerStatusMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.agentlane.v1.GetQueueStatsRequest,
      io.agentlane.v1.GetQueueStatsResponse> getGetQueueStatsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetQueueStats",
      requestType = io.agentlane.v1.GetQueueStatsRequest.class,
      responseType = io.agentlane.v1.GetQueueStatsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.agentlane.v1.GetQueueStatsRequest,
      io.agentlane.v1.GetQueueStatsResponse> getGetQueueStatsMethod() {
    io.grpc.MethodDescriptor<io.agentlane.v1.GetQueueStatsRequest, io.agentlane.v1.GetQueueStatsResponse> getGetQueueStatsMethod;
    if ((getGetQueueStatsMethod = OperationsServiceGrpc.getGetQueueStatsMethod) == null) {
      synchronized (OperationsServiceGrpc.class) {
        if ((getGetQueueStatsMethod = OperationsServiceGrpc.getGetQueueStatsMethod) == null) {
          OperationsServiceGrpc.getGetQueueStatsMethod = getGetQueueStatsMethod =
              io.grpc.MethodDescriptor.<io.agentlane.v1.GetQueueStatsRequest, io.agentlane.v1.GetQueueStatsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetQueueStats"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.GetQueueStatsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.GetQueueStatsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new OperationsServiceMethodDescriptorSupplier("GetQueueStats"))
              .build();
        }
      }
    }
    return getGetQueueStatsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.agentlane.v1.GetFrameworkHealthRequest,
      io.agentlane.v1.GetFrameworkHealthResponse> getGetFrameworkHealthMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetFrameworkHealth",
      requestType = io.agentlane.v1.GetFrameworkHealthRequest.class,
      responseType = io.agentlane.v1.GetFrameworkHealthResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.agentlane.v1.GetFrameworkHealthRequest,
      io.agentlane.v1.GetFrameworkHealthResponse> getGetFrameworkHealthMethod() {
    io.grpc.MethodDescriptor<io.agentlane.v1.GetFrameworkHealthRequest, io.agentlane.v1.GetFrameworkHealthResponse> getGetFrameworkHealthMethod;
    if ((getGetFrameworkHealthMethod = OperationsServiceGrpc.getGetFrameworkHealthMethod) == null) {
      synchronized (OperationsServiceGrpc.class) {
        if ((getGetFrameworkHealthMethod = OperationsServiceGrpc.getGetFrameworkHealthMethod) == null) {
          OperationsServiceGrpc.getGetFrameworkHealthMethod = getGetFrameworkHealthMethod =
              io.grpc.MethodDescriptor.<io.agentlane.v1.GetFrameworkHealthRequest, io.agentlane.v1.GetFrameworkHealthResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetFrameworkHealth"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.GetFrameworkHealthRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.GetFrameworkHealthResponse.getDefaultInstance()))
              .setSchemaDescriptor(new OperationsServiceMethodDescriptorSupplier("GetFrameworkHealth"))
              .build();
        }
      }
    }
    return getGetFrameworkHealthMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.agentlane.v1.ListAgentsRequest,
      io.agentlane.v1.ListAgentsResponse> getListAgentsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListAgents",
      requestType = io.agentlane.v1.ListAgentsRequest.class,
      responseType = io.agentlane.v1.ListAgentsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.agentlane.v1.ListAgentsRequest,
      io.agentlane.v1.ListAgentsResponse> getListAgentsMethod() {
    io.grpc.MethodDescriptor<io.agentlane.v1.ListAgentsRequest, io.agentlane.v1.ListAgentsResponse> getListAgentsMethod;
    if ((getListAgentsMethod = OperationsServiceGrpc.getListAgentsMethod) == null) {
      synchronized (OperationsServiceGrpc.class) {
        if ((getListAgentsMethod = OperationsServiceGrpc.getListAgentsMethod) == null) {
          OperationsServiceGrpc.getListAgentsMethod = getListAgentsMethod =
              io.grpc.MethodDescriptor.<io.agentlane.v1.ListAgentsRequest, io.agentlane.v1.ListAgentsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListAgents"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.ListAgentsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.ListAgentsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new OperationsServiceMethodDescriptorSupplier("ListAgents"))
              .build();
        }
      }
    }
    return getListAgentsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.agentlane.v1.ValidateAgentRequest,
      io.agentlane.v1.ValidateAgentResponse> getValidateAgentMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ValidateAgent",
      requestType = io.agentlane.v1.ValidateAgentRequest.class,
      responseType = io.agentlane.v1.ValidateAgentResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.agentlane.v1.ValidateAgentRequest,
      io.agentlane.v1.ValidateAgentResponse> getValidateAgentMethod() {
    io.grpc.MethodDescriptor<io.agentlane.v1.ValidateAgentRequest, io.agentlane.v1.ValidateAgentResponse> getValidateAgentMethod;
    if ((getValidateAgentMethod = OperationsServiceGrpc.getValidateAgentMethod) == null) {
      synchronized (OperationsServiceGrpc.class) {
        if ((getValidateAgentMethod = OperationsServiceGrpc.getValidateAgentMethod) == null) {
          OperationsServiceGrpc.getValidateAgentMethod = getValidateAgentMethod =
              io.grpc.MethodDescriptor.<io.agentlane.v1.ValidateAgentRequest, io.agentlane.v1.ValidateAgentResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ValidateAgent"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.ValidateAgentRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.ValidateAgentResponse.getDefaultInstance()))
              .setSchemaDescriptor(new OperationsServiceMethodDescriptorSupplier("ValidateAgent"))
              .build();
        }
      }
    }
    return getValidateAgentMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.agentlane.v1.ListWorkersRequest,
      io.agentlane.v1.ListWorkersResponse> getListWorkersMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListWorkers",
      requestType = io.agentlane.v1.ListWorkersRequest.class,
      responseType = io.agentlane.v1.ListWorkersResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.agentlane.v1.ListWorkersRequest,
      io.agentlane.v1.ListWorkersResponse> getListWorkersMethod() {
    io.grpc.MethodDescriptor<io.agentlane.v1.ListWorkersRequest, io.agentlane.v1.ListWorkersResponse> getListWorkersMethod;
    if ((getListWorkersMethod = OperationsServiceGrpc.getListWorkersMethod) == null) {
      synchronized (OperationsServiceGrpc.class) {
        if ((getListWorkersMethod = OperationsServiceGrpc.getListWorkersMethod) == null) {
          OperationsServiceGrpc.getListWorkersMethod = getListWorkersMethod =
              io.grpc.MethodDescriptor.<io.agentlane.v1.ListWorkersRequest, io.agentlane.v1.ListWorkersResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListWorkers"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.ListWorkersRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.ListWorkersResponse.getDefaultInstance()))
              .setSchemaDescriptor(new OperationsServiceMethodDescriptorSupplier("ListWorkers"))
              .build();
        }
      }
    }
    return getListWorkersMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.agentlane.v1.GetTenantUsageRequest,
      io.agentlane.v1.GetTenantUsageResponse> getGetTenantUsageMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetTenantUsage",
      requestType = io.agentlane.v1.GetTenantUsageRequest.class,
      responseType = io.agentlane.v1.GetTenantUsageResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.agentlane.v1.GetTenantUsageRequest,
      io.agentlane.v1.GetTenantUsageResponse> getGetTenantUsageMethod() {
    io.grpc.MethodDescriptor<io.agentlane.v1.GetTenantUsageRequest, io.agentlane.v1.GetTenantUsageResponse> getGetTenantUsageMethod;
    if ((getGetTenantUsageMethod = OperationsServiceGrpc.getGetTenantUsageMethod) == null) {
      synchronized (OperationsServiceGrpc.class) {
        if ((getGetTenantUsageMethod = OperationsServiceGrpc.getGetTenantUsageMethod) == null) {
          OperationsServiceGrpc.getGetTenantUsageMethod = getGetTenantUsageMethod =
              io.grpc.MethodDescriptor.<io.agentlane.v1.GetTenantUsageRequest, io.agentlane.v1.GetTenantUsageResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetTenantUsage"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.GetTenantUsageRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.agentlane.v1.GetTenantUsageResponse.getDefaultInstance()))
              .setSchemaDescriptor(new OperationsServiceMethodDescriptorSupplier("GetTenantUsage"))
              .build();
        }
      }
    }
    return getGetTenantUsageMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static OperationsServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<OperationsServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<OperationsServiceStub>() {
        @java.lang.Override
        public OperationsServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new OperationsServiceStub(channel, callOptions);
        }
      };
    return OperationsServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static OperationsServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<OperationsServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<OperationsServiceBlockingV2Stub>() {
        @java.lang.Override
        public OperationsServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new OperationsServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return OperationsServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static OperationsServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<OperationsServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<OperationsServiceBlockingStub>() {
        @java.lang.Override
        public OperationsServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new OperationsServiceBlockingStub(channel, callOptions);
        }
      };
    return OperationsServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static OperationsServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<OperationsServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<OperationsServiceFutureStub>() {
        @java.lang.Override
        public OperationsServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new OperationsServiceFutureStub(channel, callOptions);
        }
      };
    return OperationsServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Figures, agents and workers.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * The task manager's figures.
     * </pre>
     */
    default void getTaskManagerStatus(io.agentlane.v1.GetTaskManagerStatusRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.GetTaskManagerStatusResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetTaskManagerStatusMethod(), responseObserver);
    }

    /**
     * <pre>
     * The queues' figures.
     * </pre>
     */
    default void getQueueStats(io.agentlane.v1.GetQueueStatsRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.GetQueueStatsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetQueueStatsMethod(), responseObserver);
    }

    /**
     * <pre>
     * The frameworks' figures.
     * </pre>
     */
    default void getFrameworkHealth(io.agentlane.v1.GetFrameworkHealthRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.GetFrameworkHealthResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetFrameworkHealthMethod(), responseObserver);
    }

    /**
     * <pre>
     * Lists the agents of the agents file, by id.
     * </pre>
     */
    default void listAgents(io.agentlane.v1.ListAgentsRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.ListAgentsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListAgentsMethod(), responseObserver);
    }

    /**
     * <pre>
     * Checks an agent definition without registering it; nothing of it is run but its modules' top
     * level. Findings are in the answer, not in the status.
     * </pre>
     */
    default void validateAgent(io.agentlane.v1.ValidateAgentRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.ValidateAgentResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getValidateAgentMethod(), responseObserver);
    }

    /**
     * <pre>
     * Lists the workers with their load, by id.
     * </pre>
     */
    default void listWorkers(io.agentlane.v1.ListWorkersRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.ListWorkersResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListWorkersMethod(), responseObserver);
    }

    /**
     * <pre>
     * A tenant's limits, and what it has of them.
     * </pre>
     */
    default void getTenantUsage(io.agentlane.v1.GetTenantUsageRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.GetTenantUsageResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetTenantUsageMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service OperationsService.
   * <pre>
   * Figures, agents and workers.
   * </pre>
   */
  public static abstract class OperationsServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return OperationsServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service OperationsService.
   * <pre>
   * Figures, agents and workers.
   * </pre>
   */
  public static final class OperationsServiceStub
      extends io.grpc.stub.AbstractAsyncStub<OperationsServiceStub> {
    private OperationsServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected OperationsServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new OperationsServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * The task manager's figures.
     * </pre>
     */
    public void getTaskManagerStatus(io.agentlane.v1.GetTaskManagerStatusRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.GetTaskManagerStatusResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetTaskManagerStatusMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * The queues' figures.
     * </pre>
     */
    public void getQueueStats(io.agentlane.v1.GetQueueStatsRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.GetQueueStatsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetQueueStatsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * The frameworks' figures.
     * </pre>
     */
    public void getFrameworkHealth(io.agentlane.v1.GetFrameworkHealthRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.GetFrameworkHealthResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetFrameworkHealthMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Lists the agents of the agents file, by id.
     * </pre>
     */
    public void listAgents(io.agentlane.v1.ListAgentsRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.ListAgentsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListAgentsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Checks an agent definition without registering it; nothing of it is run but its modules' top
     * level. Findings are in the answer, not in the status.
     * </pre>
     */
    public void validateAgent(io.agentlane.v1.ValidateAgentRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.ValidateAgentResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getValidateAgentMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Lists the workers with their load, by id.
     * </pre>
     */
    public void listWorkers(io.agentlane.v1.ListWorkersRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.ListWorkersResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListWorkersMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * A tenant's limits, and what it has of them.
     * </pre>
     */
    public void getTenantUsage(io.agentlane.v1.GetTenantUsageRequest request,
        io.grpc.stub.StreamObserver<io.agentlane.v1.GetTenantUsageResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetTenantUsageMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service OperationsService.
   * <pre>
   * Figures, agents and workers.
   * </pre>
   */
  public static final class OperationsServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<OperationsServiceBlockingV2Stub> {
    private OperationsServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected OperationsServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new OperationsServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * The task manager's figures.
     * </pre>
     */
    public io.agentlane.v1.GetTaskManagerStatusResponse getTaskManagerStatus(io.agentlane.v1.GetTaskManagerStatusRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetTaskManagerStatusMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * The queues' figures.
     * </pre>
     */
    public io.agentlane.v1.GetQueueStatsResponse getQueueStats(io.agentlane.v1.GetQueueStatsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetQueueStatsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * The frameworks' figures.
     * </pre>
     */
    public io.agentlane.v1.GetFrameworkHealthResponse getFrameworkHealth(io.agentlane.v1.GetFrameworkHealthRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetFrameworkHealthMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists the agents of the agents file, by id.
     * </pre>
     */
    public io.agentlane.v1.ListAgentsResponse listAgents(io.agentlane.v1.ListAgentsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListAgentsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Checks an agent definition without registering it; nothing of it is run but its modules' top
     * level. Findings are in the answer, not in the status.
     * </pre>
     */
    public io.agentlane.v1.ValidateAgentResponse validateAgent(io.agentlane.v1.ValidateAgentRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getValidateAgentMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists the workers with their load, by id.
     * </pre>
     */
    public io.agentlane.v1.ListWorkersResponse listWorkers(io.agentlane.v1.ListWorkersRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListWorkersMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * A tenant's limits, and what it has of them.
     * </pre>
     */
    public io.agentlane.v1.GetTenantUsageResponse getTenantUsage(io.agentlane.v1.GetTenantUsageRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetTenantUsageMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service OperationsService.
   * <pre>
   * Figures, agents and workers.
   * </pre>
   */
  public static final class OperationsServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<OperationsServiceBlockingStub> {
    private OperationsServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected OperationsServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new OperationsServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * The task manager's figures.
     * </pre>
     */
    public io.agentlane.v1.GetTaskManagerStatusResponse getTaskManagerStatus(io.agentlane.v1.GetTaskManagerStatusRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetTaskManagerStatusMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * The queues' figures.
     * </pre>
     */
    public io.agentlane.v1.GetQueueStatsResponse getQueueStats(io.agentlane.v1.GetQueueStatsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetQueueStatsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * The frameworks' figures.
     * </pre>
     */
    public io.agentlane.v1.GetFrameworkHealthResponse getFrameworkHealth(io.agentlane.v1.GetFrameworkHealthRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetFrameworkHealthMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists the agents of the agents file, by id.
     * </pre>
     */
    public io.agentlane.v1.ListAgentsResponse listAgents(io.agentlane.v1.ListAgentsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListAgentsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Checks an agent definition without registering it; nothing of it is run but its modules' top
     * level. Findings are in the answer, not in the status.
     * </pre>
     */
    public io.agentlane.v1.ValidateAgentResponse validateAgent(io.agentlane.v1.ValidateAgentRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getValidateAgentMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists the workers with their load, by id.
     * </pre>
     */
    public io.agentlane.v1.ListWorkersResponse listWorkers(io.agentlane.v1.ListWorkersRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListWorkersMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * A tenant's limits, and what it has of them.
     * </pre>
     */
    public io.agentlane.v1.GetTenantUsageResponse getTenantUsage(io.agentlane.v1.GetTenantUsageRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetTenantUsageMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service OperationsService.
   * <pre>
   * Figures, agents and workers.
   * </pre>
   */
  public static final class OperationsServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<OperationsServiceFutureStub> {
    private OperationsServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected OperationsServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new OperationsServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * The task manager's figures.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.agentlane.v1.GetTaskManagerStatusResponse> getTaskManagerStatus(
        io.agentlane.v1.GetTaskManagerStatusRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetTaskManagerStatusMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * The queues' figures.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.agentlane.v1.GetQueueStatsResponse> getQueueStats(
        io.agentlane.v1.GetQueueStatsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetQueueStatsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * The frameworks' figures.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.agentlane.v1.GetFrameworkHealthResponse> getFrameworkHealth(
        io.agentlane.v1.GetFrameworkHealthRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetFrameworkHealthMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Lists the agents of the agents file, by id.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.agentlane.v1.ListAgentsResponse> listAgents(
        io.agentlane.v1.ListAgentsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListAgentsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Checks an agent definition without registering it; nothing of it is run but its modules' top
     * level. Findings are in the answer, not in the status.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.agentlane.v1.ValidateAgentResponse> validateAgent(
        io.agentlane.v1.ValidateAgentRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getValidateAgentMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Lists the workers with their load, by id.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.agentlane.v1.ListWorkersResponse> listWorkers(
        io.agentlane.v1.ListWorkersRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListWorkersMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * A tenant's limits, and what it has of them.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.agentlane.v1.GetTenantUsageResponse> getTenantUsage(
        io.agentlane.v1.GetTenantUsageRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetTenantUsageMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_GET_TASK_MANAGER_STATUS = 0;
  private static final int METHODID_GET_QUEUE_STATS = 1;
  private static final int METHODID_GET_FRAMEWORK_HEALTH = 2;
  private static final int METHODID_LIST_AGENTS = 3;
  private static final int METHODID_VALIDATE_AGENT = 4;
  private static final int METHODID_LIST_WORKERS = 5;
  private static final int METHODID_GET_TENANT_USAGE = 6;

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
        case METHODID_GET_TASK_MANAGER_STATUS:
          serviceImpl.getTaskManagerStatus((io.agentlane.v1.GetTaskManagerStatusRequest) request,
              (io.grpc.stub.StreamObserver<io.agentlane.v1.GetTaskManagerStatusResponse>) responseObserver);
          break;
        case METHODID_GET_QUEUE_STATS:
          serviceImpl.getQueueStats((io.agentlane.v1.GetQueueStatsRequest) request,
              (io.grpc.stub.StreamObserver<io.agentlane.v1.GetQueueStatsResponse>) responseObserver);
          break;
        case METHODID_GET_FRAMEWORK_HEALTH:
          serviceImpl.getFrameworkHealth((io.agentlane.v1.GetFrameworkHealthRequest) request,
              (io.grpc.stub.StreamObserver<io.agentlane.v1.GetFrameworkHealthResponse>) responseObserver);
          break;
        case METHODID_LIST_AGENTS:
          serviceImpl.listAgents((io.agentlane.v1.ListAgentsRequest) request,
              (io.grpc.stub.StreamObserver<io.agentlane.v1.ListAgentsResponse>) responseObserver);
          break;
        case METHODID_VALIDATE_AGENT:
          serviceImpl.validateAgent((io.agentlane.v1.ValidateAgentRequest) request,
              (io.grpc.stub.StreamObserver<io.agentlane.v1.ValidateAgentResponse>) responseObserver);
          break;
        case METHODID_LIST_WORKERS:
          serviceImpl.listWorkers((io.agentlane.v1.ListWorkersRequest) request,
              (io.grpc.stub.StreamObserver<io.agentlane.v1.ListWorkersResponse>) responseObserver);
          break;
        case METHODID_GET_TENANT_USAGE:
          serviceImpl.getTenantUsage((io.agentlane.v1.GetTenantUsageRequest) request,
              (io.grpc.stub.StreamObserver<io.agentlane.v1.GetTenantUsageResponse>) responseObserver);
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
          getGetTaskManagerStatusMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.agentlane.v1.GetTaskManagerStatusRequest,
              io.agentlane.v1.GetTaskManagerStatusResponse>(
                service, METHODID_GET_TASK_MANAGER_STATUS)))
        .addMethod(
          getGetQueueStatsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.agentlane.v1.GetQueueStatsRequest,
              io.agentlane.v1.GetQueueStatsResponse>(
                service, METHODID_GET_QUEUE_STATS)))
        .addMethod(
          getGetFrameworkHealthMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.agentlane.v1.GetFrameworkHealthRequest,
              io.agentlane.v1.GetFrameworkHealthResponse>(
                service, METHODID_GET_FRAMEWORK_HEALTH)))
        .addMethod(
          getListAgentsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.agentlane.v1.ListAgentsRequest,
              io.agentlane.v1.ListAgentsResponse>(
                service, METHODID_LIST_AGENTS)))
        .addMethod(
          getValidateAgentMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.agentlane.v1.ValidateAgentRequest,
              io.agentlane.v1.ValidateAgentResponse>(
                service, METHODID_VALIDATE_AGENT)))
        .addMethod(
          getListWorkersMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.agentlane.v1.ListWorkersRequest,
              io.agentlane.v1.ListWorkersResponse>(
                service, METHODID_LIST_WORKERS)))
        .addMethod(
          getGetTenantUsageMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.agentlane.v1.GetTenantUsageRequest,
              io.agentlane.v1.GetTenantUsageResponse>(
                service, METHODID_GET_TENANT_USAGE)))
        .build();
  }

  private static abstract class OperationsServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    OperationsServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return io.agentlane.v1.OperationsServiceProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("OperationsService");
    }
  }

  private static final class OperationsServiceFileDescriptorSupplier
      extends OperationsServiceBaseDescriptorSupplier {
    OperationsServiceFileDescriptorSupplier() {}
  }

  private static final class OperationsServiceMethodDescriptorSupplier
      extends OperationsServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    OperationsServiceMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (OperationsServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new OperationsServiceFileDescriptorSupplier())
              .addMethod(getGetTaskManagerStatusMethod())
              .addMethod(getGetQueueStatsMethod())
              .addMethod(getGetFrameworkHealthMethod())
              .addMethod(getListAgentsMethod())
              .addMethod(getValidateAgentMethod())
              .addMethod(getListWorkersMethod())
              .addMethod(getGetTenantUsageMethod())
              .build();
        }
      }
    }
    return result;
  }
}
