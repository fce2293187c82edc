package io.agentlane;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ChannelCredentials;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.ConnectivityState;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.net.URI;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** The channel that all clients of one connect share. */
final class Connection implements ClientInterceptor, AutoCloseable {
  /** Of one operation. */
  static final CallOptions.Key<Map<String, String>> HEADERS =
      CallOptions.Key.createWithDefault("agentlane-headers", Map.of());

  final Channel channel;
  private final ManagedChannel managed;
  private final Map<String, String> headers;
  /** A call was cut, or could not be sent, since the connection was last made. */
  private volatile boolean isSuspect;
  private final Set<CompletableFuture<?>> lastWords = ConcurrentHashMap.newKeySet();

  Connection(String url, ConnectOptions options) {
    URI uri = URI.create(url);
    boolean isTls = "https".equals(uri.getScheme());
    if (uri.getHost() == null || !isTls && !"http".equals(uri.getScheme())) {
      throw new IllegalArgumentException("not http://host:port or https://host:port: " + url);
    }
    int port = uri.getPort() >= 0 ? uri.getPort() : isTls ? 443 : 80;
    ChannelCredentials credentials = isTls ? options.tls : InsecureChannelCredentials.create();
    ManagedChannelBuilder<?> builder =
        Grpc.newChannelBuilderForAddress(uri.getHost(), port, credentials);
    // The server has a limit of its own; gRPC's would be lower.
    builder.maxInboundMessageSize(Integer.MAX_VALUE);
    // The details of an error come as a header, each of sixteen fields with its description.
    builder.maxInboundMetadataSize(1 << 18);
    options.channel.accept(builder);
    headers = Map.copyOf(options.headers);
    managed = builder.build();
    channel = ClientInterceptors.intercept(managed, this);
  }

  @Override
  public <Q, A> ClientCall<Q, A> interceptCall(
      MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
    if (isSuspect) connectAgain();
    return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
      @Override
      public void start(Listener<A> listener, Metadata metadata) {
        addMissing(metadata, options.getOption(HEADERS));
        addMissing(metadata, headers);
        addMissing(metadata, TraceContext.headers());
        super.start(new SimpleForwardingClientCallListener<>(listener) {
          @Override
          public void onClose(Status status, Metadata trailers) {
            if (status.getCode() == Status.Code.UNAVAILABLE) isSuspect = true;
            super.onClose(status, trailers);
          }
        }, metadata);
      }
    };
  }

  /**
   * By itself gRPC waits up to two minutes before it connects again, and calls fail meanwhile; here
   * the backoff of each operation decides. Calls that come before it is idle would fail too.
   */
  private synchronized void connectAgain() {
    if (isSuspect && managed.getState(false) != ConnectivityState.READY) {
      CountDownLatch isIdle = new CountDownLatch(1);
      managed.enterIdle();
      managed.notifyWhenStateChanged(ConnectivityState.TRANSIENT_FAILURE, isIdle::countDown);
      try {
        isIdle.await(100, TimeUnit.MILLISECONDS);
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
      }
    }
    isSuspect = false;
  }

  /** Refuses early what is no name of a header. */
  static String headerName(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER).name();
  }

  private static void addMissing(Metadata metadata, Map<String, String> headers) {
    headers.forEach((name, value) -> {
      Metadata.Key<String> key = Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
      if (!metadata.containsKey(key)) metadata.put(key, value);
    });
  }

  Channel withHeaders(Map<String, String> own) {
    return ClientInterceptors.intercept(channel, new ClientInterceptor() {
      @Override
      public <Q, A> ClientCall<Q, A> interceptCall(
          MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
        return next.newCall(method, options.withOption(HEADERS, own));
      }
    });
  }

  boolean isClosed() {
    return managed.isShutdown();
  }

  /** What is still to be said before the connection is closed; it ends by itself. */
  void keepOpenFor(CompletableFuture<?> call) {
    lastWords.add(call);
    call.whenComplete((answer, error) -> lastWords.remove(call));
  }

  @Override
  public void close() {
    CompletableFuture<?> all = CompletableFuture.allOf(lastWords.toArray(CompletableFuture[]::new));
    all.exceptionally(error -> null).join();
    managed.shutdownNow();
  }
}
