package io.agentlane;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;

/** One operation of a caller, over as many calls as it takes. To be ended, whatever happens. */
final class Operation {
  private final Connection connection;
  private final RetryOptions retry;
  private final Predicate<AgentlaneException> mayResend;
  private final Deadline deadline;
  private final Map<String, String> headers;
  private final Context.CancellableContext context;

  /** {@code limit} may be null: none. It is given up when {@code parent} is canceled. */
  Operation(Connection connection, Context parent, RetryOptions retry,
      Predicate<AgentlaneException> mayResend, Duration limit, Map<String, String> headers) {
    this.connection = connection;
    this.retry = retry;
    this.mayResend = mayResend;
    this.deadline = earlier(parent.getDeadline(), limit);
    // Now, because tries are made on other threads too.
    this.headers = new HashMap<>(TraceContext.headers());
    this.headers.putAll(headers);
    this.context = parent.withCancellation();
  }

  private static Deadline earlier(Deadline outer, Duration limit) {
    if (limit == null) return outer;
    Deadline own = Deadline.after(limit.toNanos(), TimeUnit.NANOSECONDS);
    return outer == null ? own : own.minimum(outer);
  }

  /** Ends what is under way; also of an operation that has succeeded. */
  void end() {
    context.cancel(null);
  }

  <Q, A> Iterator<A> open(MethodDescriptor<Q, A> method, Q request) {
    return ClientCalls.blockingServerStreamingCall(newCall(method), request);
  }

  /** Repeats a call that changes nothing when it is repeated. */
  <Q, A> CompletableFuture<A> call(MethodDescriptor<Q, A> method, Q request) {
    CompletableFuture<A> answer = new CompletableFuture<>();
    context.addListener(canceled -> {
      if (!answer.isDone()) answer.completeExceptionally(errorOf(null));
    }, Runnable::run);
    answer.whenComplete((value, error) -> end());
    attempt(method, request, 1, answer);
    return answer;
  }

  private <Q, A> void attempt(
      MethodDescriptor<Q, A> method, Q request, int tries, CompletableFuture<A> answer) {
    if (answer.isDone()) return;
    try {
      ClientCalls.asyncUnaryCall(newCall(method), request, new StreamObserver<A>() {
        private A value;

        @Override
        public void onNext(A received) {
          value = received;
        }

        @Override
        public void onCompleted() {
          answer.complete(value);
        }

        @Override
        public void onError(Throwable cause) {
          AgentlaneException error = errorOf(cause);
          delayBeforeNext(tries, error).ifPresentOrElse(
              delay -> CompletableFuture.delayedExecutor(delay.toNanos(), TimeUnit.NANOSECONDS)
                  .execute(() -> attempt(method, request, tries + 1, answer)),
              () -> answer.completeExceptionally(error));
        }
      });
    } catch (RuntimeException unsent) {
      answer.completeExceptionally(errorOf(unsent));
    }
  }

  private <Q, A> ClientCall<Q, A> newCall(MethodDescriptor<Q, A> method) {
    CallOptions options = CallOptions.DEFAULT.withOption(Connection.HEADERS, headers);
    Context before = context.attach();
    try {
      return connection.channel.newCall(
          method, deadline == null ? options : options.withDeadline(deadline));
    } finally {
      context.detach(before);
    }
  }

  /** What the caller is told of a failure. */
  AgentlaneException errorOf(Throwable cause) {
    if (context.isCancelled() && !(context.cancellationCause() instanceof TimeoutException)) {
      return AgentlaneException.ofCaller(context.cancellationCause());
    }
    if (cause != null) return AgentlaneException.from(cause);
    return new AgentlaneException(Status.Code.DEADLINE_EXCEEDED, "", "the deadline passed", null);
  }

  /** Empty when there is no next try to be made. {@code tries}: those made so far. */
  private Optional<Duration> delayBeforeNext(int tries, AgentlaneException error) {
    Duration retryAfter = error.retryAfter().orElse(Duration.ZERO);
    Duration delay = retry.delay(tries, retryAfter, ThreadLocalRandom.current().nextDouble());
    boolean isLate = deadline != null
        && deadline.timeRemaining(TimeUnit.NANOSECONDS) <= delay.toNanos();
    boolean isNext = mayResend.test(error) && tries < retry.maxTries() && !isLate;
    return isNext && !connection.isClosed() ? Optional.of(delay) : Optional.empty();
  }

  /** Waits before the next try; false when there is none to be made. Ends early when given up. */
  boolean pause(int tries, AgentlaneException error) {
    Optional<Duration> delay = delayBeforeNext(tries, error);
    if (delay.isEmpty()) return false;
    CountDownLatch ended = new CountDownLatch(1);
    Context.CancellationListener listener = canceled -> ended.countDown();
    context.addListener(listener, Runnable::run);
    try {
      ended.await(delay.get().toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    } finally {
      context.removeListener(listener);
    }
    return true;
  }
}
