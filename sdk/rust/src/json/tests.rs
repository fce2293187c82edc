use serde_json::json;

use super::*;

#[test]
fn json_goes_there_and_back() {
    let value = json!({
        "text": "שלום \u{1} 👩‍👩‍👧‍👦",
        "numbers": [0, -7, 1.5, 9_007_199_254_740_992_i64],
        "others": [null, true, false, {}, []],
    });
    assert_eq!(from_proto(&to_proto(value.clone())), value);
}

#[test]
fn what_json_has_no_word_for_is_null() {
    let not_a_number = Some(Kind::NumberValue(f64::NAN));
    assert_eq!(from_proto(&ProtoValue { kind: not_a_number }), Value::Null);
    assert_eq!(from_proto(&ProtoValue { kind: None }), Value::Null);
    let large = Some(Kind::NumberValue(1e300));
    assert_eq!(from_proto(&ProtoValue { kind: large }), json!(1e300));
}
