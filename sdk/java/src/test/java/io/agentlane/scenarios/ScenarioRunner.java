package io.agentlane.scenarios;

import com.google.protobuf.Message;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import com.google.protobuf.util.JsonFormat;
import io.agentlane.AgentStream;
import io.agentlane.AgentlaneClient;
import io.agentlane.AgentlaneException;
import io.agentlane.Event;
import io.agentlane.Turn;
import io.agentlane.TurnResult;
import io.agentlane.v1.ListDeadLettersRequest;
import io.agentlane.v1.MultitaskStrategy;
import io.agentlane.v1.SubmitTaskResponse;
import io.agentlane.v1.Task;
import io.agentlane.v1.TaskEvent;
import io.agentlane.v1.TaskState;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** A line of JSON in, a line of JSON out; test/sdk/README.md describes both. */
public final class ScenarioRunner {
  private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
  private final AgentlaneClient shared;

  private ScenarioRunner(AgentlaneClient shared) {
    this.shared = shared;
  }

  public static void main(String[] args) throws Exception {
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    try (AgentlaneClient client = AgentlaneClient.connect(args[0])) {
      ScenarioRunner runner = new ScenarioRunner(client);
      BufferedReader in =
          new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        Struct.Builder request = Struct.newBuilder();
        JsonFormat.parser().merge(line, request);
        out.print(json(runner.observe(request.build())) + "\n");
        out.flush();
      }
      runner.timer.shutdownNow();
    }
  }

  private Struct observe(Struct request) {
    Observation seen = new Observation();
    try {
      perform(request, seen);
      return seen.add("ok", true).build();
    } catch (AgentlaneException error) {
      Observation fields = new Observation()
          .add("code", error.code().name())
          .add("reason", error.reason())
          .add("message", error.getMessage());
      error.taskId().ifPresent(id -> fields.add("task_id", id));
      error.retryAfter().ifPresent(delay -> fields.add("retry_after_ms", delay.toMillis()));
      List<String> paths = new ArrayList<>();
      error.fieldViolations().forEach(violation -> paths.add(violation.field()));
      if (!paths.isEmpty()) fields.add("fields", paths);
      return new Observation().add("ok", false).add("error", fields.build()).build();
    }
  }

  private void perform(Struct request, Observation seen) {
    AgentlaneClient client = request.containsFields("timeout_ms")
        ? shared.withDeadline(Duration.ofMillis(number(request, "timeout_ms"))) : shared;
    String agent = text(request, "agent_id");
    String session = text(request, "session_id");
    String id = text(request, "task_id");
    switch (text(request, "op")) {
      case "execute" -> addResult(seen, orGiveUp(request, () -> client.execute(turn(request))));
      case "stream" -> orGiveUp(request, () -> read(client.stream(turn(request)), request, seen));
      case "watch" ->
          read(client.watch(id, (int) number(request, "after_sequence")), request, seen);
      case "submit" -> {
        SubmitTaskResponse answer = client.submit(turn(request));
        addTask(seen, answer.getTask()).add("existing", answer.getExisting());
      }
      case "cancel" -> addTask(seen,
          id.isEmpty() ? client.cancelByKey(text(request, "idempotency_key")) : client.cancel(id));
      case "getTask" -> {
        Task task = client.getTask(id);
        TurnResult result = TurnResult.of(id, task.getState(), task.getResult());
        addTask(seen, task).addUnlessEmpty("text", result.text());
      }
      case "getSession" -> {
        var context = client.getSession(agent, session).getContext();
        seen.add("session_version", context.getVersion())
            .add("history_count", context.getHistoryCount());
      }
      case "destroySession" -> client.destroySession(agent, session);
      case "listDeadLetters" -> {
        var filter = ListDeadLettersRequest.newBuilder().setAgentId(agent).build();
        List<Task> tasks = client.listDeadLetters(filter).getTasksList();
        seen.add("task_ids", tasks.stream().map(Task::getTaskId).toList());
      }
      case "redrive" ->
          seen.add("task_ids", List.copyOf(client.redrive(List.of(id)).getRedrivenTaskIdsList()));
      default -> throw new IllegalArgumentException("unknown op " + text(request, "op"));
    }
  }

  private static Turn turn(Struct request) {
    Turn turn = Turn.of(text(request, "agent_id"))
        .session(text(request, "session_id"))
        .idempotencyKey(text(request, "idempotency_key"))
        .maxAttempts((int) number(request, "max_attempts"));
    Map<String, Value> fields = request.getFieldsMap();
    if (fields.containsKey("text")) turn = turn.text(text(request, "text"));
    if (fields.containsKey("resume")) turn = turn.resume(fields.get("resume"));
    if (fields.containsKey("input")) turn = turn.input(fields.get("input"));
    if (fields.containsKey("configurable")) {
      turn = turn.configurable(fields.get("configurable").getStructValue().getFieldsMap());
    }
    if (fields.containsKey("multitask_strategy")) {
      turn = turn.multitaskStrategy(
          MultitaskStrategy.valueOf("MULTITASK_STRATEGY_" + text(request, "multitask_strategy")));
    }
    for (var label : fields.getOrDefault("metadata", Value.getDefaultInstance())
        .getStructValue().getFieldsMap().entrySet()) {
      turn = turn.metadata(Map.of(label.getKey(), label.getValue().getStringValue()));
    }
    return turn;
  }

  /** The caller gives up by an interrupt of its thread. */
  private <T> T orGiveUp(Struct request, Supplier<T> call) {
    if (!request.containsFields("abort_after_ms")) return call.get();
    Thread caller = Thread.currentThread();
    ScheduledFuture<?> abort =
        timer.schedule(caller::interrupt, number(request, "abort_after_ms"), TimeUnit.MILLISECONDS);
    try {
      return call.get();
    } finally {
      abort.cancel(false);
      Thread.interrupted();
    }
  }

  private static Observation read(AgentStream stream, Struct request, Observation seen) {
    long stopAfter = number(request, "stop_after_events");
    List<Object> sequences = new ArrayList<>();
    List<Object> tools = new ArrayList<>();
    int restarts = 0;
    boolean stopped = false;
    try (stream) {
      while (!stopped && stream.hasNext()) {
        Event event = stream.next();
        sequences.add(event.sequence());
        if (event.restarted()) restarts++;
        TaskEvent kind = event.event();
        if (kind.hasToolCallStarted()) tools.add(kind.getToolCallStarted().getCall().getName());
        if (kind.hasToolCallFinished()) tools.add(kind.getToolCallFinished().getName());
        stopped = sequences.size() == stopAfter;
      }
      if (!stopped) {
        if (stream.state() != TaskState.TASK_STATE_FAILED) addResult(seen, stream.finalResult());
        seen.add("state", stateName(stream.state()));
      }
    }
    seen.remove("text").addUnlessEmpty("text", stream.text());
    if (!tools.isEmpty()) seen.add("tool_events", tools);
    return seen.add("task_id", stream.taskId()).add("sequences", sequences)
        .add("restarts", restarts);
  }

  private static void addResult(Observation seen, TurnResult result) {
    seen.add("task_id", result.taskId()).add("state", stateName(result.state()))
        .addUnlessEmpty("text", result.text());
    if (!result.interrupts().isEmpty()) seen.add("interrupts", result.interrupts());
    if (result.graphState() != null) seen.add("state_json", result.graphState());
    if (result.sessionVersion() > 0) seen.add("session_version", result.sessionVersion());
  }

  private static Observation addTask(Observation seen, Task task) {
    return seen.add("task_id", task.getTaskId()).add("state", stateName(task.getState()));
  }

  private static String stateName(TaskState state) {
    return state.name().replace("TASK_STATE_", "");
  }

  private static String text(Struct request, String field) {
    return request.getFieldsOrDefault(field, Value.getDefaultInstance()).getStringValue();
  }

  /** 0 when it is not given. */
  private static long number(Struct request, String field) {
    return (long) request.getFieldsOrDefault(field, Value.getDefaultInstance()).getNumberValue();
  }

  private static String json(Message message) throws Exception {
    return JsonFormat.printer().omittingInsignificantWhitespace().print(message);
  }

  /** Fields of a JSON object. */
  private static final class Observation {
    private final Struct.Builder fields = Struct.newBuilder();

    Observation add(String name, Object value) {
      fields.putFields(name, valueOf(value));
      return this;
    }

    Observation addUnlessEmpty(String name, String value) {
      return value.isEmpty() ? this : add(name, value);
    }

    Observation remove(String name) {
      fields.removeFields(name);
      return this;
    }

    Struct build() {
      return fields.build();
    }

    private static Value valueOf(Object value) {
      Value.Builder to = Value.newBuilder();
      if (value instanceof Struct struct) return to.setStructValue(struct).build();
      if (value instanceof Boolean truth) return to.setBoolValue(truth).build();
      if (value instanceof Number number) return to.setNumberValue(number.doubleValue()).build();
      if (value instanceof List<?> items) {
        items.forEach(item -> to.getListValueBuilder().addValues(valueOf(item)));
        return to.setListValue(to.getListValue()).build();
      }
      if (value instanceof Map<?, ?> map) {
        Struct.Builder struct = Struct.newBuilder();
        map.forEach((name, item) -> struct.putFields(String.valueOf(name), valueOf(item)));
        return to.setStructValue(struct).build();
      }
      return value == null ? to.setNullValueValue(0).build()
          : to.setStringValue(String.valueOf(value)).build();
    }
  }
}
