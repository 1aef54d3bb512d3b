//! Kafka: records from a topic, and decisions to one.

mod decisions;
mod records;

use crate::config::Kafka;
use crate::engine::Engine;
use rskafka::BackoffConfig;
use rskafka::client::{Client, ClientBuilder};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait between two attempts to reach a broker.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How often topics are looked for that are not there, or have got more partitions.
const TOPICS_EVERY: Duration = Duration::from_secs(10);

/// Takes records and tells decisions as the settings say, as long as the server runs.
pub async fn run(settings: Kafka, engine: Engine) {
    let Some(brokers) = &settings.brokers else { return };
    let client = Arc::new(connect(brokers).await);
    let records = async {
        if let Some(topic) = &settings.records_topic {
            records::take(&client, topic, &engine).await;
        }
    };
    let decisions = async {
        if let Some(topic) = &settings.decisions_topic {
            decisions::tell(&client, topic, &engine).await;
        }
    };
    tokio::join!(records, decisions);
}

/// Connects to the cluster, however long that takes.
async fn connect(brokers: &str) -> Client {
    loop {
        let addresses = brokers.split(',').map(|address| address.trim().to_owned()).collect();
        let backoff_config = BackoffConfig { max_backoff: LONGEST_WAIT, ..BackoffConfig::default() };
        let builder =
            ClientBuilder::new(addresses).client_id("evscale-server").backoff_config(backoff_config);
        match builder.build().await {
            Ok(client) => return client,
            Err(problem) => tracing::warn!(cause = %problem, "Kafka cannot be reached"),
        }
        tokio::time::sleep(LONGEST_WAIT).await;
    }
}

/// Returns the partitions of a topic; none while there is no such topic.
async fn partitions(client: &Client, topic: &str) -> BTreeSet<i32> {
    match client.list_topics().await {
        Ok(topics) => {
            let found = topics.into_iter().find(|known| known.name == topic);
            found.map(|known| known.partitions).unwrap_or_default()
        }
        Err(problem) => {
            tracing::warn!(topic, cause = %problem, "the topics of Kafka cannot be listed");
            BTreeSet::new()
        }
    }
}
