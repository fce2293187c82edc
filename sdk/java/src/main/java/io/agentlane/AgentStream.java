package io.agentlane;

import io.agentlane.v1.TaskState;
import io.agentlane.v1.TaskStateChange;
import io.agentlane.v1.WatchTaskResponse;
import io.grpc.Status;
import java.lang.ref.Cleaner;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Function;

/**
 * A task's log as one stream, over as many connections as it takes. To be read once, by one thread
 * at a time, and to be closed: closing it before its end cancels a turn that it runs. An interrupt of
 * the thread that reads gives it up too. Only {@link #close} may come from another thread.
 */
public final class AgentStream implements Iterator<Event>, Iterable<Event>, AutoCloseable {
  private static final Cleaner CLEANER = Cleaner.create();

  /** Where a task's log comes from; {@code taskId} is empty before the first event. */
  interface Source {
    Iterator<WatchTaskResponse> open(String taskId, int afterSequence);
  }

  private final Operation operation;
  private final Source source;
  private final boolean throwsFailure;
  private final Hold hold;
  private final Cleaner.Cleanable cleanable;
  private final StringBuilder text = new StringBuilder();
  private String taskId;
  private int lastSequence;
  private int attempt;
  private int restartCount;
  private TaskStateChange end;
  private Iterator<WatchTaskResponse> replies;
  private WatchTaskResponse pending;
  /** Since the last progress. */
  private int failedTries;
  private AgentlaneException failure;
  private volatile boolean isOver;

  /** {@code abandon} is told the task, or "", when the reader stops before the end. */
  AgentStream(Operation operation, Source source, boolean throwsFailure,
      Function<String, CompletableFuture<?>> abandon, String taskId, int afterSequence) {
    this.operation = operation;
    this.source = source;
    this.throwsFailure = throwsFailure;
    this.taskId = taskId;
    this.lastSequence = afterSequence;
    this.hold = new Hold(operation, abandon, taskId);
    this.cleanable = CLEANER.register(this, hold);
  }

  /** Waits for the next event. Throws AgentlaneException, once. */
  @Override
  public boolean hasNext() {
    while (pending == null && !isOver) advance();
    return pending != null && !isOver;
  }

  @Override
  public Event next() {
    if (!hasNext()) throw new NoSuchElementException("the stream has ended");
    WatchTaskResponse reply = pending;
    pending = null;
    boolean restarted = attempt > 0 && reply.getAttempt() > attempt;
    if (restarted) {
      restartCount++;
      text.setLength(0);
    }
    Event event = Event.of(reply, restarted);
    text.append(event.text());
    taskId = reply.getTaskId();
    attempt = Math.max(attempt, reply.getAttempt());
    lastSequence = reply.getSequence();
    end = Event.isTerminal(reply.getEvent()) ? reply.getEvent().getStateChange() : null;
    return event;
  }

  /** Itself: it can be read once. */
  @Override
  public Iterator<Event> iterator() {
    return this;
  }

  /** Ends the call, and cancels a turn that it runs; waits for that, two seconds at most. */
  @Override
  public void close() {
    isOver = true;
    cleanable.clean();
    try {
      hold.abandoned.get();
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException unheard) {
      // The task goes on, as it does when the caller's machine is lost.
    }
  }

  /** Reads what is left, and answers with the result. */
  public TurnResult finalResult() {
    while (hasNext()) next();
    if (failure != null) throw failure.again(taskId);
    if (end == null) throw AgentlaneException.ofCaller(null);
    if (isFailure()) throw AgentlaneException.ofTask(taskId, end.getError());
    return TurnResult.of(taskId, end.getState(), end.getResult());
  }

  /** Empty before the first event. */
  public String taskId() {
    return taskId;
  }

  /** The answer so far, of the current attempt. */
  public String text() {
    return text.toString();
  }

  public int lastSequence() {
    return lastSequence;
  }

  public int restartCount() {
    return restartCount;
  }

  /** The terminal state; TASK_STATE_UNSPECIFIED until it is known. */
  public TaskState state() {
    return end == null ? TaskState.TASK_STATE_UNSPECIFIED : end.getState();
  }

  /** To the next event, over one connection at most, or to the end. */
  private void advance() {
    RuntimeException broken =
        Status.UNAVAILABLE.withDescription("the stream ended early").asRuntimeException();
    try {
      if (Thread.currentThread().isInterrupted()) operation.end();
      if (replies == null) replies = open();
      while (replies.hasNext()) {
        WatchTaskResponse reply = replies.next();
        if (reply.getSequence() <= lastSequence || !reply.hasEvent()) continue;
        failedTries = 0;
        hold.sees(reply);
        pending = reply;
        return;
      }
    } catch (RuntimeException cause) {
      broken = cause;
    }
    replies = null;
    if (end != null) {
      finish(isFailure() && throwsFailure
          ? AgentlaneException.ofTask(taskId, end.getError()) : null);
      return;
    }
    if (Thread.currentThread().isInterrupted()) operation.end();
    AgentlaneException error = operation.errorOf(broken);
    if (operation.pause(++failedTries, error)) return;
    // Else the task goes on, and the caller may come back to it.
    hold.isOver = !AgentlaneException.isOfCaller(error);
    finish(error.again(taskId));
  }

  private Iterator<WatchTaskResponse> open() {
    hold.isOver = false;
    return source.open(taskId, lastSequence);
  }

  private void finish(AgentlaneException error) {
    isOver = true;
    failure = error;
    cleanable.clean();
    if (error != null) throw error;
  }

  private boolean isFailure() {
    return end != null && (end.getState() == TaskState.TASK_STATE_FAILED
        || end.getState() == TaskState.TASK_STATE_CANCELED);
  }

  /** What is let go of once, also when nobody closes the stream: it does not know the stream. */
  private static final class Hold implements Runnable {
    final CompletableFuture<Void> abandoned = new CompletableFuture<>();
    /** Nothing is under way, or no more. */
    volatile boolean isOver = true;
    private final Operation operation;
    private final Function<String, CompletableFuture<?>> abandon;
    private volatile String taskId;

    Hold(Operation operation, Function<String, CompletableFuture<?>> abandon, String taskId) {
      this.operation = operation;
      this.abandon = abandon;
      this.taskId = taskId;
    }

    void sees(WatchTaskResponse reply) {
      taskId = reply.getTaskId();
      isOver = Event.isTerminal(reply.getEvent());
    }

    @Override
    public void run() {
      operation.end();
      if (isOver) {
        abandoned.complete(null);
        return;
      }
      abandon.apply(taskId).whenComplete((done, error) -> abandoned.complete(null));
    }
  }
}
