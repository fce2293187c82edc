package io.agentlane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import io.agentlane.v1.ExecuteRequest;
import io.agentlane.v1.MultitaskStrategy;
import io.agentlane.v1.Priority;
import io.agentlane.v1.RetryPolicy;
import io.agentlane.v1.StreamExecuteRequest;
import io.agentlane.v1.StreamExecuteResponse;
import io.agentlane.v1.SubmitTaskRequest;
import io.agentlane.v1.WatchTaskResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TurnTest {
  private static final Turn FULL = Turn.of("a").session("s").text("x").input(List.of(1))
      .resume("yes").idempotencyKey("k").priority(Priority.PRIORITY_LOW)
      .attemptTimeout(Duration.ofMillis(1500)).maxAttempts(2).metadata(Map.of("l", "v"))
      .multitaskStrategy(MultitaskStrategy.MULTITASK_STRATEGY_REJECT)
      .retryPolicy(RetryPolicy.newBuilder().setMultiplier(3).build())
      .configurable(Map.of("c", true)).streaming();

  private static List<String> fields(Descriptor type) {
    return type.getFields().stream().map(TurnTest::shape).toList();
  }

  private static String shape(FieldDescriptor field) {
    String type = field.getJavaType() == FieldDescriptor.JavaType.MESSAGE
        ? field.isMapField() ? "map" : field.getMessageType().getFullName()
        : field.getType().name();
    return field.getName() + field.getNumber() + field.isRepeated() + type;
  }

  @Test
  void everyFieldOfTheContractCanBeSet() {
    ExecuteRequest request = FULL.toRequest();
    assertEquals(ExecuteRequest.getDescriptor().getFields(),
        new ArrayList<>(request.getAllFields().keySet()));
  }

  @Test
  void aSubmitHasAllOfIt() throws InvalidProtocolBufferException {
    ExecuteRequest without = FULL.toRequest().toBuilder().clearOnDisconnect().build();
    assertEquals(SubmitTaskRequest.parseFrom(without.toByteString())
        .toBuilder().setStreaming(true).build(), FULL.toSubmitRequest());
  }

  @Test
  void aStreamsMessagesAreThoseThatItIsReadAndWrittenAs() {
    assertEquals(fields(ExecuteRequest.getDescriptor()),
        fields(StreamExecuteRequest.getDescriptor()));
    assertEquals(fields(StreamExecuteResponse.getDescriptor()),
        fields(WatchTaskResponse.getDescriptor()));
  }

  @Test
  void jsonGoesThereAndBack() {
    List<Object> items = new ArrayList<>(List.of(true, 1.5, "text", Map.of("a", List.of())));
    items.add(null);
    assertEquals(items, Json.fromValue(Json.toValue(items)));
    assertNull(Json.fromValue(Json.toValue(null)));
  }
}
