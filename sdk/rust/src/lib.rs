//! Client of Agentlane: runs LLM agents as durable tasks over gRPC. Streams go on by themselves after
//! a broken connection, each event once; repeated calls never run a turn twice.
//!
//! ```no_run
//! use agentlane::{Client, Turn};
//!
//! # async fn run() -> Result<(), agentlane::Error> {
//! let client = Client::connect("http://localhost:50051")?;
//! let answer = client.execute(Turn::new("echo").session("s1").text("hello")).await?;
//! println!("{}", answer.text);
//! # Ok(())
//! # }
//! ```

mod abandon;
mod client;
mod connect;
mod error;
#[cfg(test)]
mod fakes;
#[allow(unreachable_pub, clippy::all, rustdoc::all)]
#[path = "../gen/mod.rs"]
mod generated;
pub mod json;
mod scope;
mod stream;
mod turn;

pub use client::Client;
pub use connect::{Builder, Headers, Transport};
pub use error::{Error, FieldViolation};
pub use generated::agentlane::v1;
pub use generated::google::rpc;
pub use scope::Retry;
pub use stream::{Event, TurnStream};
pub use tonic::Code;
pub use turn::{Turn, TurnResult};
pub use v1::task_event::Kind as EventKind;
pub use v1::{MultitaskStrategy, Priority, TaskState};

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
