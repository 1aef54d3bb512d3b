//! Records from a topic: `{"pool": …, "record": …}`, as in a batch over HTTP. Where a partition goes on is written in the
//! transaction of the record before, so that each record is taken once, whatever is killed.

use super::{TOPICS_EVERY, partitions};
use crate::engine::{Change, Engine, PoolRecord, metrics_of};
use crate::problem::{Problem, Result};
use crate::storage::PlaceRow;
use axum::http::StatusCode;
use rskafka::client::Client;
use rskafka::client::error::{Error, ProtocolError};
use rskafka::client::partition::{OffsetAt, PartitionClient, UnknownTopicHandling};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Most bytes that are asked for at once.
const MOST_BYTES: i32 = 1_000_000;
/// Longest time that a broker waits for the next record, ms.
const WAIT_MS: i32 = 1000;
/// Time until a record that could not be written is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Takes the records of all partitions of a topic, also of those that are added later.
pub(super) async fn take(client: &Arc<Client>, topic: &str, engine: &Engine) {
    let mut followed = BTreeSet::new();
    loop {
        for partition in partitions(client, topic).await {
            if followed.insert(partition) {
                let partition = Partition {
                    client: Arc::clone(client),
                    engine: engine.clone(),
                    topic: topic.to_owned(),
                    number: partition,
                };
                tokio::spawn(partition.follow());
            }
        }
        tokio::time::sleep(TOPICS_EVERY).await;
    }
}

/// A partition whose records are taken.
struct Partition {
    client: Arc<Client>,
    engine: Engine,
    topic: String,
    number: i32,
}

impl Partition {
    /// Takes record after record, in their order. Where it goes on is known from the disk at the start, and from here later: a
    /// transaction whose end was not heard may have left a mark there that is taken back.
    async fn follow(self) {
        let mut next = None;
        loop {
            if let Err(problem) = self.read_on(&mut next).await {
                let (topic, partition) = (&self.topic, self.number);
                tracing::warn!(topic, partition, next, cause = %problem, "records of Kafka wait");
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    /// Takes records until one cannot be taken now.
    async fn read_on(&self, next: &mut Option<i64>) -> Result<()> {
        let handling = UnknownTopicHandling::Error;
        let opened = self.client.partition_client(&self.topic, self.number, handling).await;
        let partition = opened.map_err(|problem| unreachable(&problem))?;
        loop {
            let from = match *next {
                Some(next) => next,
                None => self.begin(&partition).await?,
            };
            *next = Some(from);
            match partition.fetch_records(from, 1..MOST_BYTES, WAIT_MS).await {
                Ok((records, _)) => {
                    for found in records {
                        self.take_one(found.record.value.as_deref().unwrap_or_default(), found.offset)
                            .await?;
                        *next = Some(found.offset + 1);
                    }
                }
                Err(Error::ServerError { protocol_error: ProtocolError::OffsetOutOfRange, .. }) => {
                    tracing::error!(
                        topic = self.topic,
                        partition = self.number,
                        from,
                        "Kafka has dropped records that were not taken"
                    );
                    *next = Some(earliest(&partition).await?);
                }
                Err(problem) => return Err(unreachable(&problem)),
            }
        }
    }

    /// Returns where the partition goes on: after what is on disk, or at its beginning.
    async fn begin(&self, partition: &PartitionClient) -> Result<i64> {
        match self.engine.store().place(&self.topic, self.number.into()).await? {
            Some(next) => Ok(next),
            None => earliest(partition).await,
        }
    }

    /// Takes a record; one that can never be taken is passed over, and told.
    ///
    /// # Errors
    /// It cannot be taken now.
    async fn take_one(&self, text: &[u8], offset: i64) -> Result<()> {
        let place = PlaceRow { topic: self.topic.clone(), part: self.number.into(), next: offset + 1 };
        let taken = match read(text) {
            Ok((pool, change)) => self.engine.change_at(&pool, change, place.clone()).await,
            Err(problem) => Err(problem),
        };
        match taken {
            Ok(_) => Ok(()),
            Err(problem) if problem.status() == StatusCode::SERVICE_UNAVAILABLE => Err(problem),
            Err(problem) => {
                tracing::warn!(topic = self.topic, partition = self.number, offset, cause = %problem, "a record of Kafka is passed over");
                self.engine.pass(place).await
            }
        }
    }
}

fn read(text: &[u8]) -> Result<(String, Change)> {
    let read: PoolRecord = serde_json::from_slice(text).map_err(|problem| {
        Problem::argument(format!("the message is not `{{\"pool\": …, \"record\": …}}`: {problem}"))
    })?;
    Ok((read.pool, Change::Record(Box::new(metrics_of(read.record)?))))
}

async fn earliest(partition: &PartitionClient) -> Result<i64> {
    partition.get_offset(OffsetAt::Earliest).await.map_err(|problem| unreachable(&problem))
}

fn unreachable(problem: &Error) -> Problem {
    Problem::unavailable("unreachable", format!("Kafka: {problem}"))
}
