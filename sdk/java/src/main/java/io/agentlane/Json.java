package io.agentlane;

import com.google.protobuf.ListValue;
import com.google.protobuf.NullValue;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** JSON as Java has it (null, Boolean, Number, String, List, Map) and as Protobuf has it. */
final class Json {
  private Json() {}

  static Value toValue(Object json) {
    Value.Builder value = Value.newBuilder();
    if (json == null) return value.setNullValue(NullValue.NULL_VALUE).build();
    if (json instanceof Value given) return given;
    if (json instanceof Boolean truth) return value.setBoolValue(truth).build();
    if (json instanceof Number number) return value.setNumberValue(number.doubleValue()).build();
    if (json instanceof CharSequence text) return value.setStringValue(text.toString()).build();
    if (json instanceof Map<?, ?> map) return value.setStructValue(toStruct(map)).build();
    if (json instanceof Iterable<?> items) {
      ListValue.Builder list = ListValue.newBuilder();
      items.forEach(item -> list.addValues(toValue(item)));
      return value.setListValue(list).build();
    }
    throw new IllegalArgumentException("not JSON: " + json.getClass().getName());
  }

  static Struct toStruct(Map<?, ?> map) {
    Struct.Builder struct = Struct.newBuilder();
    map.forEach((key, item) -> struct.putFields(String.valueOf(key), toValue(item)));
    return struct.build();
  }

  /** Numbers are Doubles; lists and maps cannot be changed. */
  static Object fromValue(Value value) {
    return switch (value.getKindCase()) {
      case BOOL_VALUE -> value.getBoolValue();
      case NUMBER_VALUE -> value.getNumberValue();
      case STRING_VALUE -> value.getStringValue();
      case LIST_VALUE -> {
        List<Object> list = new ArrayList<>();
        value.getListValue().getValuesList().forEach(item -> list.add(fromValue(item)));
        yield Collections.unmodifiableList(list);
      }
      case STRUCT_VALUE -> {
        Map<String, Object> map = new LinkedHashMap<>();
        value.getStructValue().getFieldsMap().forEach((key, item) -> map.put(key, fromValue(item)));
        yield Collections.unmodifiableMap(map);
      }
      case NULL_VALUE, KIND_NOT_SET -> null;
    };
  }
}
