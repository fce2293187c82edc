use std::time::Duration;

use agentlane::{Client, EventKind, Turn};

#[tokio::main]
async fn main() -> agentlane::Result<()> {
    let url = std::env::args().nth(1);
    let client = Client::connect(url.as_deref().unwrap_or("http://localhost:50051"))?;

    let turn = Turn::new("echo").session("s1").text("hello");
    let answer = client.execute(turn).await?;
    println!("{}", answer.text);

    let mut stream = client.stream(Turn::new("demo").session("s1").text("What is 6 * 7?"));
    while let Some(event) = stream.next().await {
        let event = event?;
        if event.restarted {
            println!("\n(the attempt failed; once more)");
        }
        if let Some(EventKind::ToolCallStarted(started)) = &event.kind {
            println!("[{}]", started.call.as_ref().map_or("", |call| &call.name));
        }
        print!("{}", event.text());
    }
    println!("\n{} events", stream.last_sequence());

    let hurried = client.with_deadline(Duration::from_secs(10));
    if let Err(error) = hurried.execute(Turn::new("nobody").text("hello")).await {
        println!(
            "{} {} {}",
            error.code_name(),
            error.reason(),
            error.retryable()
        );
    }
    client.close().await;
    Ok(())
}
