//! Decisions to a topic: every new one as in the stream of events, under the pool's name. Those of one pool are in their order.

use super::{TOPICS_EVERY, partitions};
use crate::engine::{Engine, Event, now_ms};
use rskafka::chrono::DateTime;
use rskafka::client::Client;
use rskafka::client::error::Error;
use rskafka::client::partition::{Compression, PartitionClient, UnknownTopicHandling};
use rskafka::record::Record;
use std::collections::BTreeMap;
use tokio::sync::broadcast::error::RecvError;

/// Tells every decision that is made from now on. A decision is told again until a broker has it; of those that wait meanwhile the
/// oldest are left out, and that is logged.
pub(super) async fn tell(client: &Client, topic: &str, engine: &Engine) {
    let mut events = engine.listen();
    let clients = open(client, topic).await;
    loop {
        match events.recv().await {
            Ok(event) if event.decision.is_some() => send(&clients, &event).await,
            Ok(_) => (),
            Err(RecvError::Lagged(missed)) => {
                tracing::error!(
                    topic,
                    missed,
                    "changes were too fast for Kafka; their decisions are not told"
                );
            }
            Err(RecvError::Closed) => return,
        }
    }
}

/// Opens the partitions of a topic, once there are any.
async fn open(client: &Client, topic: &str) -> Vec<PartitionClient> {
    loop {
        match open_all(client, topic).await {
            Ok(clients) if !clients.is_empty() => return clients,
            Ok(_) => tracing::warn!(topic, "Kafka has no such topic so far"),
            Err(problem) => tracing::warn!(topic, cause = %problem, "a partition of Kafka cannot be opened"),
        }
        tokio::time::sleep(TOPICS_EVERY).await;
    }
}

async fn open_all(client: &Client, topic: &str) -> Result<Vec<PartitionClient>, Error> {
    let mut clients = Vec::new();
    for partition in partitions(client, topic).await {
        clients.push(client.partition_client(topic, partition, UnknownTopicHandling::Retry).await?);
    }
    Ok(clients)
}

async fn send(clients: &[PartitionClient], event: &Event) {
    let place =
        event.pool.bytes().fold(7_usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    let Some(client) = clients.get(place % clients.len().max(1)) else { return };
    let record = Record {
        key: Some(event.pool.clone().into_bytes()),
        value: serde_json::to_vec(event).ok(),
        headers: BTreeMap::new(),
        timestamp: DateTime::from_timestamp_millis(now_ms()).unwrap_or_default(),
    };
    if let Err(problem) = client.produce(vec![record], Compression::NoCompression).await {
        tracing::error!(topic = client.topic(), pool = event.pool, seq = event.seq, cause = %problem, "a decision is not told");
    }
}
