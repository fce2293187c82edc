package io.agentlane;

import static io.agentlane.FakeServer.chunk;
import static io.agentlane.FakeServer.error;
import static io.agentlane.FakeServer.state;
import static io.agentlane.FakeServer.streamed;
import static io.agentlane.FakeServer.watched;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.rpc.Code;
import io.agentlane.v1.CancelTaskRequest;
import io.agentlane.v1.CancelTaskResponse;
import io.agentlane.v1.OnDisconnect;
import io.agentlane.v1.TaskState;
import io.grpc.Context;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
class AgentStreamTest {
  private static final TaskState RUNNING = TaskState.TASK_STATE_RUNNING;
  private static final TaskState COMPLETED = TaskState.TASK_STATE_COMPLETED;
  private static final TaskState FAILED = TaskState.TASK_STATE_FAILED;
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

  private static List<Integer> sequences(AgentStream stream) {
    List<Integer> seen = new ArrayList<>();
    for (Event event : stream) seen.add(event.sequence());
    return seen;
  }

  /** Two events, and nothing more. */
  private void answerForever() {
    server.onStream = (request, answer) -> {
      answer.onNext(streamed(1, 1, state(RUNNING)));
      answer.onNext(streamed(2, 1, chunk("a")));
    };
  }

  @Test
  void eachEventOnceWhateverIsSentTwice() {
    server.onStream = (request, answer) -> {
      answer.onNext(streamed(1, 1, state(RUNNING)));
      answer.onNext(streamed(4, 1, chunk("abc")).toBuilder().setMergedCount(2).build());
      answer.onError(Status.ABORTED.asException());
    };
    server.onWatch = (request, answer) -> {
      answer.onNext(watched(3, 1, chunk("b")));
      answer.onNext(watched(4, 1, chunk("c")));
      answer.onNext(watched(5, 1, chunk("d")));
      answer.onNext(watched(6, 1, state(COMPLETED)));
      answer.onCompleted();
    };
    try (AgentStream stream = client.stream(TURN)) {
      assertEquals(List.of(1, 4, 5, 6), sequences(stream));
      assertEquals("abcd", stream.text());
      assertEquals(0, stream.restartCount());
      assertEquals(COMPLETED, stream.finalResult().state());
      assertThrows(NoSuchElementException.class, stream::next);
    }
    assertEquals(List.of(4), server.watches.stream().map(w -> w.getAfterSequence()).toList());
    assertNull(server.cancels.poll());
  }

  @Test
  void beforeTheFirstEventTheSameRequestIsSentAgain() {
    server.onStream = (request, answer) -> {
      if (server.streams.size() < 3) {
        answer.onError(Status.UNAVAILABLE.asException());
        return;
      }
      answer.onNext(streamed(1, 1, state(COMPLETED)));
      answer.onCompleted();
    };
    try (AgentStream stream = client.stream(TURN)) {
      assertEquals("t", stream.finalResult().taskId());
    }
    assertEquals(3, server.streams.size());
    assertEquals(1, server.streams.stream().distinct().count());
    assertEquals(36, server.streams.get(0).getIdempotencyKey().length());
    assertEquals(OnDisconnect.ON_DISCONNECT_CONTINUE, server.streams.get(0).getOnDisconnect());
    assertTrue(server.watches.isEmpty());
  }

  @Test
  void anEndWithoutTerminalEventIsABrokenConnection() {
    server.onStream = (request, answer) -> {
      answer.onNext(streamed(1, 1, state(RUNNING)));
      answer.onCompleted();
    };
    server.onWatch = (request, answer) -> {
      answer.onNext(watched(2, 1, state(COMPLETED)));
      answer.onError(Status.UNAVAILABLE.asException());
    };
    try (AgentStream stream = client.stream(TURN)) {
      assertEquals(List.of(1, 2), sequences(stream));
    }
    assertEquals(1, server.watches.size());
  }

  @Test
  void theOutputOfAFailedAttemptIsDiscarded() {
    server.onStream = (request, answer) -> {
      answer.onNext(streamed(1, 0, state(TaskState.TASK_STATE_QUEUED)));
      answer.onNext(streamed(2, 1, state(RUNNING)));
      answer.onNext(streamed(3, 1, chunk("wrong")));
      answer.onNext(streamed(4, 2, state(RUNNING)));
      answer.onNext(streamed(5, 2, chunk("right")));
      answer.onNext(streamed(6, 2, state(COMPLETED)));
      answer.onCompleted();
    };
    List<Integer> restarts = new ArrayList<>();
    try (AgentStream stream = client.stream(TURN)) {
      for (Event event : stream) if (event.restarted()) restarts.add(event.sequence());
      assertEquals("right", stream.text());
      assertEquals(1, stream.restartCount());
    }
    assertEquals(List.of(4), restarts);
  }

  @Test
  void whatFollowsATerminalEventWasRedriven() {
    server.onWatch = (request, answer) -> {
      answer.onNext(watched(1, 1, state(FAILED)));
      answer.onNext(watched(2, 2, state(RUNNING)));
      answer.onNext(watched(3, 2, state(COMPLETED)));
      answer.onCompleted();
    };
    try (AgentStream stream = client.watch("t")) {
      assertEquals(List.of(1, 2, 3), sequences(stream));
      assertEquals(COMPLETED, stream.state());
    }
  }

  @Test
  void aTaskThatFailedIsAnErrorOfItsStreamOnly() {
    server.onStream = (request, answer) -> {
      answer.onNext(streamed(1, 1, state(FAILED)));
      answer.onCompleted();
    };
    server.onWatch = (request, answer) -> {
      answer.onNext(watched(1, 1, state(FAILED)));
      answer.onCompleted();
    };
    try (AgentStream stream = client.stream(TURN)) {
      assertEquals(1, stream.next().sequence());
      AgentlaneException error = assertThrows(AgentlaneException.class, stream::hasNext);
      assertEquals("TOO_BAD", error.reason());
      assertEquals(Optional.of("t"), error.taskId());
      assertFalse(stream.hasNext());
      assertEquals("TOO_BAD",
          assertThrows(AgentlaneException.class, stream::finalResult).reason());
    }
    try (AgentStream watch = client.watch("t")) {
      assertEquals(List.of(1), sequences(watch));
      assertEquals(FAILED, watch.state());
    }
    assertNull(server.cancels.poll());
    assertEquals(1, server.streams.size());
  }

  @Test
  void aTasksOwnFailureIsNotSentAgain() {
    server.onStream = (request, answer) ->
        answer.onError(error(Code.UNAVAILABLE, "ECHO_FAILURE", "t", 1));
    try (AgentStream stream = client.stream(TURN)) {
      AgentlaneException error = assertThrows(AgentlaneException.class, stream::hasNext);
      assertEquals("ECHO_FAILURE", error.reason());
    }
    assertEquals(1, server.streams.size());
    assertNull(server.cancels.poll());
  }

  @ParameterizedTest
  @ValueSource(strings = {"WATCH_ENDED", "WATCH_BROKEN"})
  void aWatchThatTheServerEndsGoesOn(String reason) {
    server.onWatch = (request, answer) -> {
      if (server.watches.size() == 1) {
        answer.onNext(watched(1, 1, state(RUNNING)));
        answer.onError(error(Code.UNAVAILABLE, reason, "t", null));
        return;
      }
      answer.onNext(watched(2, 1, state(COMPLETED)));
      answer.onCompleted();
    };
    try (AgentStream stream = client.watch("t")) {
      assertEquals(List.of(1, 2), sequences(stream));
    }
  }

  @Test
  void whenAllTriesAreUsedUpTheTaskGoesOn() {
    server.onStream = (request, answer) -> {
      answer.onNext(streamed(1, 1, state(RUNNING)));
      answer.onError(Status.INTERNAL.asException());
    };
    server.onWatch = (request, answer) -> answer.onError(Status.UNAVAILABLE.asException());
    try (AgentStream stream = client.stream(TURN)) {
      stream.next();
      AgentlaneException error = assertThrows(AgentlaneException.class, stream::hasNext);
      assertEquals(Status.Code.UNAVAILABLE, error.code());
      assertEquals(Optional.of("t"), error.taskId());
      assertTrue(error.isRetryable());
    }
    assertEquals(2, server.watches.size());
    assertNull(server.cancels.poll());
  }

  @Test
  void aReaderThatStopsCancelsTheTask() throws Exception {
    answerForever();
    try (AgentStream stream = client.stream(TURN)) {
      stream.next();
      stream.close();
      assertEquals("t", server.cancels.remove().getTaskId());
      assertFalse(stream.hasNext());
      assertEquals(Status.Code.CANCELLED,
          assertThrows(AgentlaneException.class, stream::finalResult).code());
    }
    assertEquals("stream", server.nextDisconnect());
    assertNull(server.cancels.poll());
  }

  @Test
  void aStreamThatNobodyReadsIsNotBegun() {
    client.stream(TURN).close();
    client.close();
    assertTrue(server.streams.isEmpty());
    assertNull(server.cancels.poll());
  }

  @Test
  void aReaderThatStopsBeforeTheFirstEventCancelsByKey() {
    int[] tries = {0};
    server.onCancel = request -> {
      if (++tries[0] < 3) throw error(Code.NOT_FOUND, "TASK_NOT_FOUND", null, null);
      return CancelTaskResponse.getDefaultInstance();
    };
    AgentStream stream = client.stream(TURN.idempotencyKey("k"));
    CompletableFuture.runAsync(stream::hasNext);
    while (server.streams.isEmpty()) Thread.onSpinWait();
    stream.close();
    assertFalse(stream.hasNext());
    assertEquals(3, tries[0]);
    assertEquals("k", server.cancels.remove().getIdempotencyKey());
  }

  @Test
  void aWatchThatIsLeftCancelsNothing() throws Exception {
    server.onWatch = (request, answer) -> answer.onNext(watched(1, 1, state(RUNNING)));
    try (AgentStream stream = client.watch("t")) {
      stream.next();
    }
    assertEquals("watch", server.nextDisconnect());
    assertNull(server.cancels.poll());
  }

  @Test
  void leavingAtTheTerminalEventCancelsNothing() {
    server.onStream = (request, answer) -> answer.onNext(streamed(1, 1, state(COMPLETED)));
    try (AgentStream stream = client.stream(TURN)) {
      assertTrue(stream.hasNext());
    }
    try (AgentStream stream = client.stream(TURN)) {
      stream.next();
    }
    assertNull(server.cancels.poll());
  }

  @Test
  void closingFromAnotherThreadEndsTheReader() throws Exception {
    answerForever();
    AgentStream stream = client.stream(TURN);
    stream.next();
    stream.next();
    CompletableFuture<Boolean> reader = CompletableFuture.supplyAsync(stream::hasNext);
    stream.close();
    assertEquals("t", server.nextCancel().getTaskId());
    try {
      assertFalse(reader.join());
    } catch (CompletionException closed) {
      assertEquals(Status.Code.CANCELLED, ((AgentlaneException) closed.getCause()).code());
    }
  }

  @Test
  void anInterruptGivesUp() throws Exception {
    answerForever();
    AtomicReference<AgentlaneException> seen = new AtomicReference<>();
    Thread reader = new Thread(() -> {
      try (AgentStream stream = client.stream(TURN)) {
        seen.set(assertThrows(AgentlaneException.class, stream::finalResult));
        assertTrue(Thread.currentThread().isInterrupted());
      }
    });
    reader.start();
    while (server.streams.isEmpty()) Thread.onSpinWait();
    reader.interrupt();
    reader.join();
    assertNotNull(server.nextCancel());
    assertEquals("stream", server.nextDisconnect());
    assertEquals(Status.Code.CANCELLED, seen.get().code());
    assertEquals("CANCELED", seen.get().reason());
  }

  @Test
  void aCanceledContextGivesUpEvenBetweenTries() throws Exception {
    ConnectOptions options = new ConnectOptions();
    Context.CancellableContext context = Context.current().withCancellation();
    try (AgentlaneClient patient = AgentlaneClient.connect("http://127.0.0.1:" + server.port(),
        options.retry(RetryOptions.DEFAULT))) {
      server.onStream = (request, answer) -> {
        answer.onError(error(Code.UNAVAILABLE, "STARTING", null, 60_000));
        context.cancel(null);
      };
      AgentlaneException error = context.call(() -> {
        try (AgentStream stream = patient.stream(TURN.idempotencyKey("k"))) {
          return assertThrows(AgentlaneException.class, stream::hasNext);
        }
      });
      assertEquals(Status.Code.CANCELLED, error.code());
      assertEquals("k", server.nextCancel().getIdempotencyKey());
      assertEquals(1, server.streams.size());
    }
  }

  @Test
  void aForgottenStreamCancelsTheTask() throws Exception {
    answerForever();
    client.stream(TURN).next();
    CancelTaskRequest cancel = null;
    // Collecting without a pause leaves the connection's threads no time to send it.
    for (int tries = 0; cancel == null && tries < 200; tries++) {
      System.gc();
      cancel = server.cancels.poll(100, TimeUnit.MILLISECONDS);
    }
    assertNotNull(cancel);
    assertEquals("t", cancel.getTaskId());
    assertEquals("stream", server.nextDisconnect());
  }

  @Test
  void theDeadlineIsThatOfTheWholeOperation() {
    List<Long> left = new ArrayList<>();
    server.onStream = (request, answer) -> {
      left.add(Context.current().getDeadline().timeRemaining(TimeUnit.MILLISECONDS));
      answer.onNext(streamed(1, 1, state(RUNNING)));
      answer.onError(Status.UNAVAILABLE.asException());
    };
    AgentlaneClient hasty = client.withDeadline(Duration.ofMillis(2500));
    try (AgentStream stream = hasty.stream(TURN)) {
      stream.next();
      AgentlaneException error = assertThrows(AgentlaneException.class, stream::hasNext);
      assertEquals(Status.Code.DEADLINE_EXCEEDED, error.code());
      assertEquals("DEADLINE_EXCEEDED", error.reason());
      assertEquals(Optional.of("t"), error.taskId());
    }
    assertTrue(left.get(0) <= 2500);
    assertEquals(1, server.watches.size());
    assertNull(server.cancels.poll());
  }

  @Test
  void itIsItsOwnIterator() {
    AgentStream stream = client.watch("t");
    assertSame(stream, stream.iterator());
    stream.close();
  }
}
