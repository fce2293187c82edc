//! The scenario runner of this SDK: a line of JSON in, a line of JSON out; test/sdk/README.md
//! describes both.
use std::io::{Write, stdin, stdout};
use std::time::Duration;

use agentlane::v1::ListDeadLettersRequest;
use agentlane::{
    Client, Error, Event, EventKind, MultitaskStrategy, Result, TaskState, Turn, TurnResult,
    TurnStream,
};
use serde_json::{Map, Value, json};
use tokio::time::timeout;

/// What was asked, field by field.
struct Request(Value);

impl Request {
    fn text(&self, field: &str) -> Option<&str> {
        self.0[field].as_str()
    }

    fn number(&self, field: &str) -> Option<u64> {
        self.0[field].as_u64()
    }

    fn fields(&self, field: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.0[field].as_object().into_iter().flatten()
    }
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("the URL is missing")?;
    let client = Client::connect(url)?;
    for line in stdin().lines() {
        let request = Request(serde_json::from_str(&line?)?);
        let observation = observe(&client, &request).await;
        writeln!(stdout(), "{}", Value::Object(observation))?;
        stdout().flush()?;
    }
    client.close().await;
    Ok(())
}

/// To give up is to drop the future: the SDK raises nothing then.
async fn observe(client: &Client, request: &Request) -> Map<String, Value> {
    let performed = match request.number("abort_after_ms") {
        None => perform(client, request).await,
        Some(ms) => match timeout(Duration::from_millis(ms), perform(client, request)).await {
            Ok(performed) => performed,
            Err(_) => {
                let error = json!({ "code": "CANCELLED", "reason": "CANCELED" });
                return present(json!({ "ok": false, "error": error }));
            }
        },
    };
    match performed {
        Ok(mut fields) => {
            fields["ok"] = true.into();
            present(fields)
        }
        Err(error) => present(json!({ "ok": false, "error": fields_of_error(&error) })),
    }
}

async fn perform(client: &Client, request: &Request) -> Result<Value> {
    let client = match request.number("timeout_ms") {
        None => client.clone(),
        Some(ms) => client.with_deadline(Duration::from_millis(ms)),
    };
    let text = |field| request.text(field).unwrap_or_default();
    let (agent_id, session_id, task_id) = (text("agent_id"), text("session_id"), text("task_id"));
    match text("op") {
        "execute" => Ok(fields_of(&client.execute(turn_of(request)).await?)),
        "stream" => read(client.stream(turn_of(request)), request).await,
        "watch" => {
            let after = request.number("after_sequence").unwrap_or_default();
            read(client.watch_after(task_id, after as u32), request).await
        }
        "submit" => {
            let answer = client.submit(turn_of(request)).await?;
            let task = answer.task.unwrap_or_default();
            let state = name_of(task.state());
            Ok(json!({ "task_id": task.task_id, "state": state, "existing": answer.existing }))
        }
        "cancel" => {
            let task = match request.text("idempotency_key") {
                Some(key) if task_id.is_empty() => client.cancel_by_key(key).await?,
                _ => client.cancel(task_id).await?,
            };
            Ok(json!({ "task_id": task.task_id, "state": name_of(task.state()) }))
        }
        "getTask" => {
            let task = client.get_task(task_id).await?;
            let state = name_of(task.state());
            let result = task.result.unwrap_or_default();
            let text = result.messages.last().map(|message| message.text());
            Ok(json!({ "task_id": task.task_id, "state": state, "text": text }))
        }
        "getSession" => {
            let answer = client.get_session(agent_id, session_id).await?;
            let context = answer.context.unwrap_or_default();
            let count = context.history.len();
            Ok(json!({ "session_version": context.version, "history_count": count }))
        }
        "destroySession" => {
            client.destroy_session(agent_id, session_id).await?;
            Ok(json!({}))
        }
        "listDeadLetters" => {
            let agent_id = agent_id.to_owned();
            let filter = ListDeadLettersRequest {
                agent_id,
                ..Default::default()
            };
            let tasks = client.list_dead_letters(filter).await?.tasks;
            let ids: Vec<String> = tasks.into_iter().map(|task| task.task_id).collect();
            Ok(json!({ "task_ids": ids }))
        }
        "redrive" => {
            let ids = client.redrive([task_id]).await?.redriven_task_ids;
            Ok(json!({ "task_ids": ids }))
        }
        op => unreachable!("unknown op {op}"),
    }
}

fn turn_of(request: &Request) -> Turn {
    let mut turn = Turn::new(request.text("agent_id").unwrap_or_default());
    if let Some(id) = request.text("session_id") {
        turn = turn.session(id);
    }
    if let Some(text) = request.text("text") {
        turn = turn.text(text);
    }
    if let Some(answer) = request.0.get("resume") {
        turn = turn.resume(answer.clone());
    }
    if let Some(input) = request.0.get("input") {
        turn = turn.input(input.clone());
    }
    if let Some(key) = request.text("idempotency_key") {
        turn = turn.idempotency_key(key);
    }
    if let Some(count) = request.number("max_attempts") {
        turn = turn.max_attempts(count as u32);
    }
    if let Some(name) = request.text("multitask_strategy") {
        let strategy = MultitaskStrategy::from_str_name(&format!("MULTITASK_STRATEGY_{name}"));
        turn = turn.multitask_strategy(strategy.unwrap_or_default());
    }
    for (key, value) in request.fields("configurable") {
        turn = turn.configurable(key, value.clone());
    }
    for (key, value) in request.fields("metadata") {
        turn = turn.metadata(key, value.as_str().unwrap_or_default());
    }
    turn
}

async fn read(mut stream: TurnStream, request: &Request) -> Result<Value> {
    let mut events: Vec<Event> = Vec::new();
    let mut stopped = false;
    while !stopped && let Some(event) = stream.next().await {
        events.push(event?);
        stopped = request.number("stop_after_events") == Some(events.len() as u64);
    }
    let failed = stream.state() == Some(TaskState::Failed);
    let mut fields = match stopped || failed {
        true => json!({}),
        false => fields_of(&stream.finish().await?),
    };
    fields["task_id"] = stream.task_id().into();
    fields["state"] = stream.state().map(name_of).into();
    fields["text"] = stream.text().into();
    fields["sequences"] = events.iter().map(|event| event.sequence).collect();
    fields["restarts"] = events.iter().filter(|event| event.restarted).count().into();
    fields["tool_events"] = events.iter().filter_map(tool_of).collect();
    Ok(fields)
}

fn tool_of(event: &Event) -> Option<&str> {
    match &event.kind {
        Some(EventKind::ToolCallStarted(started)) => Some(&started.call.as_ref()?.name),
        Some(EventKind::ToolCallFinished(finished)) => Some(&finished.name),
        _ => None,
    }
}

fn fields_of(result: &TurnResult) -> Value {
    let version = Some(result.session_version).filter(|version| *version > 0);
    json!({
        "task_id": result.task_id,
        "state": name_of(result.state),
        "text": result.text,
        "interrupts": result.interrupts,
        "state_json": result.graph_state,
        "session_version": version,
    })
}

fn fields_of_error(error: &Error) -> Value {
    let fields = error.field_violations().iter();
    let fields: Vec<&str> = fields.map(|violation| violation.field.as_str()).collect();
    let delay = error.retry_after().map(|delay| delay.as_millis() as u64);
    Value::Object(present(json!({
        "code": error.code_name(),
        "reason": error.reason(),
        "message": error.message(),
        "task_id": error.task_id(),
        "retry_after_ms": delay,
        "fields": fields,
    })))
}

fn name_of(state: TaskState) -> &'static str {
    state.as_str_name().trim_start_matches("TASK_STATE_")
}

/// Without the fields that do not apply. Some are given though they are empty.
fn present(mut fields: Value) -> Map<String, Value> {
    let given = ["sequences", "task_ids"];
    let mut fields = std::mem::take(fields.as_object_mut().unwrap_or(&mut Map::new()));
    fields.retain(|name, value| {
        let is_empty = match value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(values) => values.is_empty(),
            _ => false,
        };
        given.contains(&name.as_str()) || !is_empty
    });
    fields
}
