package io.agentlane;

import io.grpc.ChannelCredentials;
import io.grpc.ManagedChannelBuilder;
import io.grpc.TlsChannelCredentials;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;

/** How a client connects, and what all of its operations have in common. */
public final class ConnectOptions {
  final Map<String, String> headers = new LinkedHashMap<>();
  Duration deadline;
  RetryOptions retry = RetryOptions.DEFAULT;
  ChannelCredentials tls = TlsChannelCredentials.create();
  Consumer<ManagedChannelBuilder<?>> channel = builder -> {};

  /** Sent as {@code authorization: Bearer …}; null or empty: none. */
  public ConnectOptions apiKey(String key) {
    return key == null || key.isEmpty() ? this : header("authorization", "Bearer " + key);
  }

  /** Metadata of every call. */
  public ConnectOptions header(String name, String value) {
    headers.put(Connection.headerName(name), value);
    return this;
  }

  /** Limit on each operation that names none. Default: no limit. */
  public ConnectOptions deadline(Duration limit) {
    deadline = limit;
    return this;
  }

  public ConnectOptions retry(RetryOptions options) {
    retry = options;
    return this;
  }

  /** For {@code https:}. Default: the platform's authorities, no certificate of the client's. */
  public ConnectOptions tls(ChannelCredentials credentials) {
    tls = credentials;
    return this;
  }

  /** gRPC's own settings, e.g. {@code builder -> builder.keepAliveTime(30, SECONDS)}. */
  public ConnectOptions channel(Consumer<ManagedChannelBuilder<?>> settings) {
    channel = settings;
    return this;
  }
}
