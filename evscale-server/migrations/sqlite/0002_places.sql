-- Where a partition of Kafka goes on, written together with the record before: each is taken once.
CREATE TABLE places (
    topic TEXT NOT NULL,
    part BIGINT NOT NULL,
    next BIGINT NOT NULL,
    PRIMARY KEY (topic, part)
);
