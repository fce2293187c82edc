use agentlane::v1::{ListAgentsRequest, ListDeadLettersRequest};
use agentlane::{Client, Turn};

#[tokio::main]
async fn main() -> agentlane::Result<()> {
    let url = std::env::args().nth(1);
    let client = Client::connect(url.as_deref().unwrap_or("http://localhost:50051"))?;

    // In the background, and watched later.
    let submitted = client
        .submit(Turn::new("echo").session("s2").text("later"))
        .await?;
    let mut watch = client.watch(submitted.task.unwrap_or_default().task_id);
    let result = watch.finish().await?;
    println!("{} {}", result.text, result.state.as_str_name());

    // A graph that asks: the next turn of the session answers.
    let asked = Turn::new("echo").session("s3");
    let first = client.execute(asked.clone().text("hi")).await?;
    if !first.interrupts.is_empty() {
        client.execute(asked.resume("yes")).await?;
    }

    // Sessions, dead letters, and the generated clients of all four services.
    let context = client
        .get_session("echo", "s2")
        .await?
        .context
        .unwrap_or_default();
    println!("{} messages", context.history.len());
    client.destroy_session("echo", "s2").await?;
    let letters = client
        .list_dead_letters(ListDeadLettersRequest::default())
        .await?
        .tasks;
    let task_ids = letters.into_iter().map(|task| task.task_id);
    client.redrive(task_ids.chain(["none".to_owned()])).await?;
    let agents = client
        .operations()
        .list_agents(ListAgentsRequest {})
        .await?;
    let names: Vec<String> = agents
        .into_inner()
        .agents
        .into_iter()
        .map(|agent| agent.agent_id)
        .collect();
    println!("{}", names.join(","));
    client.close().await;
    Ok(())
}
