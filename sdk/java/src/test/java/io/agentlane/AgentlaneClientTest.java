package io.agentlane;

import static io.agentlane.FakeServer.error;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.rpc.Code;
import io.agentlane.v1.CancelTaskResponse;
import io.agentlane.v1.GetTaskRequest;
import io.agentlane.v1.GetTaskResponse;
import io.agentlane.v1.SubmitTaskRequest;
import io.agentlane.v1.SubmitTaskResponse;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.context.Scope;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(30)
class AgentlaneClientTest {
  private static final Turn TURN = Turn.of("a").text("x");

  private FakeServer server;
  private AgentlaneClient client;

  @BeforeEach
  void start() throws Exception {
    server = new FakeServer();
    client = server.connect();
  }

  @AfterEach
  void stop() throws Exception {
    client.close();
    server.close();
  }

  @Test
  void aRefusalThatNamesADelayIsWaitedForWithTheSameKey() {
    server.onSubmit = request -> {
      if (server.submits.size() < 3) throw error(Code.RESOURCE_EXHAUSTED, "QUEUE_FULL", null, 1);
      return SubmitTaskResponse.newBuilder().setExisting(true).build();
    };
    assertTrue(client.submit(TURN).getExisting());
    assertEquals(3, server.submits.size());
    assertEquals(1, server.submits.stream().map(SubmitTaskRequest::getIdempotencyKey)
        .distinct().count());
  }

  @ParameterizedTest
  @CsvSource({
    "RESOURCE_EXHAUSTED, QUEUE_FULL,   ,  1, 3",
    "RESOURCE_EXHAUSTED, QUEUE_FULL,   ,   , 1",
    "RESOURCE_EXHAUSTED, QUEUE_FULL,   t, 1, 1",
    "UNAVAILABLE,        DRAINING,     ,   , 3",
    "UNAVAILABLE,        ECHO_FAILURE, t,  , 1",
    "UNAVAILABLE,        WATCH_ENDED,  t,  , 3",
    "UNAVAILABLE,        WATCH_BROKEN, t,  , 3",
    "FAILED_PRECONDITION, SESSION_BUSY, , 1, 1",
    "INVALID_ARGUMENT,   INVALID_FIELD, ,  , 1",
    "INTERNAL,           AGENT_ERROR,   ,  , 1",
  })
  void triesOfAServersError(Code code, String reason, String taskId, Integer retryMs, int tries) {
    AtomicInteger count = new AtomicInteger();
    server.onGetTask = request -> {
      count.incrementAndGet();
      throw error(code, reason, taskId, retryMs);
    };
    AgentlaneException error =
        assertThrows(AgentlaneException.class, () -> client.getTask("t"));
    assertEquals(tries, count.get());
    assertEquals(code.name(), error.code().name());
    assertEquals(reason, error.reason());
    assertEquals(Optional.ofNullable(taskId), error.taskId());
    assertEquals(Optional.ofNullable(retryMs).map(Duration::ofMillis), error.retryAfter());
  }

  @ParameterizedTest
  @CsvSource({"UNAVAILABLE, 3", "UNKNOWN, 3", "INTERNAL, 3", "ABORTED, 3", "CANCELLED, 3",
    "NOT_FOUND, 1", "DEADLINE_EXCEEDED, 1"})
  void triesOfWhatIsNotTheServersError(Status.Code code, int tries) {
    AtomicInteger count = new AtomicInteger();
    server.onGetTask = request -> {
      count.incrementAndGet();
      throw code.toStatus().asRuntimeException();
    };
    AgentlaneException error =
        assertThrows(AgentlaneException.class, () -> client.getTask("t"));
    assertEquals(tries, count.get());
    assertEquals(tries == 3 ? Status.Code.UNAVAILABLE : code, error.code());
  }

  @Test
  void theDelayIsTheServersAndAJitterOfOnesOwn() {
    RetryOptions retry = RetryOptions.DEFAULT;
    Duration named = Duration.ofMillis(700);
    assertEquals(Duration.ofMillis(700), retry.delay(1, named, 0));
    assertEquals(Duration.ofMillis(750), retry.delay(1, named, 0.5));
    assertEquals(Duration.ofMillis(100), retry.delay(2, Duration.ZERO, 0.5));
    assertEquals(Duration.ofMillis(2500), retry.delay(60, Duration.ZERO, 0.5));
  }

  @Test
  void aDelayThatTheDeadlineLeavesNoTimeForIsNotWaitedFor() {
    AtomicInteger count = new AtomicInteger();
    server.onGetTask = request -> {
      count.incrementAndGet();
      throw error(Code.RESOURCE_EXHAUSTED, "QUEUE_FULL", null, 60_000);
    };
    AgentlaneClient hasty = client.withDeadline(Duration.ofSeconds(30));
    AgentlaneException error = assertThrows(AgentlaneException.class, () -> hasty.getTask("t"));
    assertEquals(Status.Code.RESOURCE_EXHAUSTED, error.code());
    assertEquals(1, count.get());
  }

  @Test
  void aPassedDeadlineIsNotCanceled() {
    AgentlaneClient hasty = client.withDeadline(Duration.ofMillis(50));
    AgentlaneException error = assertThrows(AgentlaneException.class, () -> hasty.execute(TURN));
    assertEquals(Status.Code.DEADLINE_EXCEEDED, error.code());
    assertEquals("DEADLINE_EXCEEDED", error.reason());
    client.close();
    assertNull(server.cancels.poll());
  }

  @Test
  void aDeadlineOfTheContextCountsToo() {
    var timer = Executors.newSingleThreadScheduledExecutor();
    var context = Context.current()
        .withDeadlineAfter(50, TimeUnit.MILLISECONDS, timer);
    context.run(() -> {
      AgentlaneException error = assertThrows(AgentlaneException.class, () -> client.execute(TURN));
      assertEquals(Status.Code.DEADLINE_EXCEEDED, error.code());
    });
    context.close();
    timer.shutdownNow();
    client.close();
    assertNull(server.cancels.poll());
  }

  @Test
  void aRedriveIsSentOnce() {
    AtomicInteger count = new AtomicInteger();
    server.onRedrive = request -> {
      count.incrementAndGet();
      throw Status.UNAVAILABLE.asRuntimeException();
    };
    AgentlaneException error =
        assertThrows(AgentlaneException.class, () -> client.redrive(List.of("t")));
    assertEquals(1, count.get());
    assertTrue(error.isRetryable());
  }

  @Test
  void aServerThatComesBackIsFoundAtOnce() throws Exception {
    int port = server.port();
    client.getTask("t");
    server.close();
    assertThrows(AgentlaneException.class, () -> client.getTask("t"));
    server = new FakeServer(port);
    assertEquals(0, client.redrive(List.of("t")).getRedrivenTaskIdsCount());
  }

  @Test
  void aFutureThatIsCanceledCancelsTheTask() throws Exception {
    CompletableFuture<TurnResult> answer = client.executeAsync(TURN.idempotencyKey("k"));
    answer.cancel(true);
    assertThrows(CancellationException.class, answer::join);
    assertEquals("k", server.nextCancel().getIdempotencyKey());
  }

  @Test
  void closingWaitsForTheCancelOfWhatWasGivenUp() {
    AtomicInteger count = new AtomicInteger();
    server.onCancel = request -> {
      if (count.incrementAndGet() < 3) throw error(Code.NOT_FOUND, "TASK_NOT_FOUND", null, null);
      return CancelTaskResponse.getDefaultInstance();
    };
    client.executeAsync(TURN).cancel(true);
    client.close();
    assertEquals(3, count.get());
  }

  @Test
  void anInterruptGivesUp() throws Exception {
    AtomicReference<AgentlaneException> seen = new AtomicReference<>();
    Thread caller = new Thread(() -> seen.set(assertThrows(
        AgentlaneException.class, () -> client.execute(TURN.idempotencyKey("k")))));
    caller.start();
    while (server.executes.isEmpty()) Thread.onSpinWait();
    caller.interrupt();
    caller.join();
    assertEquals("k", server.nextCancel().getIdempotencyKey());
    assertEquals("execute", server.nextDisconnect());
    assertEquals(Status.Code.CANCELLED, seen.get().code());
  }

  @Test
  void aCanceledContextGivesUp() throws Exception {
    Context.CancellableContext context = Context.current().withCancellation();
    CompletableFuture<TurnResult> answer = context.call(() -> client.executeAsync(TURN));
    context.cancel(null);
    ExecutionException failed = assertThrows(ExecutionException.class, answer::get);
    AgentlaneException error = assertInstanceOf(AgentlaneException.class, failed.getCause());
    assertEquals("CANCELED", error.reason());
    assertFalse(server.nextCancel().getIdempotencyKey().isEmpty());
  }

  @Test
  void callsOfAClosedClientFailAtOnce() {
    client.close();
    AgentlaneException error =
        assertThrows(AgentlaneException.class, () -> client.execute(TURN));
    assertEquals(Status.Code.UNAVAILABLE, error.code());
    AgentStream stream = client.stream(TURN);
    assertThrows(AgentlaneException.class, stream::hasNext);
    stream.close();
  }

  private static String header(Metadata headers, String name) {
    return headers.get(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER));
  }

  @Test
  void callsCarryTheKeyAndHeaders() {
    ConnectOptions options =
        new ConnectOptions().apiKey("secret").header("X-Team", "blue").header("x-both", "client");
    try (AgentlaneClient own = server.connect(options)) {
      AgentlaneClient special = own.withHeader("X-Both", "call");
      special.getTask("t");
      special.tasks().getTask(GetTaskRequest.getDefaultInstance());
      for (int call = 0; call < 2; call++) {
        Metadata headers = server.headers.remove();
        assertEquals("Bearer secret", header(headers, "authorization"));
        assertEquals("blue", header(headers, "x-team"));
        assertEquals("call", header(headers, "x-both"));
        assertNull(header(headers, "traceparent"));
      }
      own.getTask("t");
      assertEquals("client", header(server.headers.remove(), "x-both"));
    }
  }

  @Test
  void callsCarryTheTraceContextOfTheActiveSpanWhateverThreadTheyAreMadeOn() {
    SpanContext span = SpanContext.create("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331",
        TraceFlags.getSampled(), TraceState.getDefault());
    AtomicInteger count = new AtomicInteger();
    server.onGetTask = request -> {
      if (count.incrementAndGet() < 2) throw Status.UNAVAILABLE.asRuntimeException();
      return GetTaskResponse.getDefaultInstance();
    };
    try (Scope active = Span.wrap(span).makeCurrent()) {
      client.getTask("t");
      client.tasks().getTask(GetTaskRequest.getDefaultInstance());
    }
    assertEquals(3, server.headers.size());
    for (Metadata headers : server.headers) {
      assertEquals("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
          header(headers, "traceparent"));
    }
  }

  @Test
  void aGeneratedClientsErrorCanBeDecoded() {
    server.onGetTask = request -> {
      throw error(Code.NOT_FOUND, "TASK_NOT_FOUND", null, null);
    };
    StatusRuntimeException refused = assertThrows(StatusRuntimeException.class,
        () -> client.tasks().getTask(GetTaskRequest.getDefaultInstance()));
    assertEquals("TASK_NOT_FOUND", AgentlaneException.from(refused).reason());
  }

  @Test
  void detailsMayBeLong() {
    String reason = "LONG_".repeat(4000);
    server.onGetTask = request -> {
      throw error(Code.NOT_FOUND, reason, null, null);
    };
    assertEquals(reason,
        assertThrows(AgentlaneException.class, () -> client.getTask("t")).reason());
  }

  @Test
  void aServerThatIsNotThereIsUnavailable() {
    try (AgentlaneClient lost = AgentlaneClient.connect("http://[::1]:1",
        new ConnectOptions().retry(RetryOptions.DEFAULT.withMaxTries(2)))) {
      AgentlaneException error =
          assertThrows(AgentlaneException.class, () -> lost.execute(TURN));
      assertEquals(Status.Code.UNAVAILABLE, error.code());
      assertTrue(error.isRetryable());
      assertEquals(Optional.empty(), error.taskId());
    }
  }

  @Test
  void whatCannotBeSentIsRefusedAtOnce() {
    assertThrows(IllegalArgumentException.class, () -> AgentlaneClient.connect("localhost:50051"));
    assertThrows(IllegalArgumentException.class, () -> AgentlaneClient.connect("ftp://localhost"));
    assertThrows(IllegalArgumentException.class, () -> client.withHeader("no name", "x"));
    assertThrows(IllegalArgumentException.class, () -> TURN.input(new Object()));
  }
}
