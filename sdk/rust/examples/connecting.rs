use std::time::Duration;

use agentlane::{Client, Retry};

#[tokio::main]
async fn main() -> agentlane::Result<()> {
    let mut options = Client::builder("https://agents.example.com:50051")
        .api_key(std::env::var("AGENTLANE_API_KEY").unwrap_or_default())
        .header("x-team", "blue")
        .deadline(Duration::from_secs(60))
        .retry(Retry {
            max_tries: 12,
            ..Retry::default()
        });
    if let Ok(authorities) = std::fs::read("ca.pem") {
        options = options.ca_certificate(authorities);
    }
    let client = options.connect()?;
    client.close().await;
    Ok(())
}
