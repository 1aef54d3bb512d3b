-- What changed a pool, in order. A pool's state follows from these entries alone.
CREATE TABLE journal (
    pool TEXT NOT NULL,
    seq BIGINT NOT NULL,
    received_ms BIGINT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (pool, seq)
) WITHOUT ROWID;
CREATE INDEX journal_by_age ON journal (received_ms);

-- States, so that a start needs not go through every entry: `seq` is the last entry in the state.
CREATE TABLE snapshots (
    pool TEXT NOT NULL,
    seq BIGINT NOT NULL,
    about TEXT NOT NULL,
    state BLOB NOT NULL,
    PRIMARY KEY (pool, seq)
);

-- Decisions as they were made; `seq` is the entry that led to one.
CREATE TABLE decisions (
    pool TEXT NOT NULL,
    seq BIGINT NOT NULL,
    decided_ms BIGINT NOT NULL,
    written_ms BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (pool, seq)
) WITHOUT ROWID;
CREATE INDEX decisions_by_age ON decisions (written_ms);

-- Decisions that were carried out, by the caller's key.
CREATE TABLE executions (
    pool TEXT NOT NULL,
    request_key TEXT NOT NULL,
    accepted_ms BIGINT NOT NULL,
    status TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (pool, request_key)
) WITHOUT ROWID;
CREATE INDEX executions_by_age ON executions (accepted_ms);

-- Who did what.
CREATE TABLE audit (
    id BIGINT NOT NULL PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    caller TEXT NOT NULL,
    role TEXT NOT NULL,
    action TEXT NOT NULL,
    pool TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX audit_by_age ON audit (at_ms);

-- The server that writes: one that finds another number here has been replaced, and writes nothing more.
CREATE TABLE owner (
    id BIGINT NOT NULL PRIMARY KEY,
    token BIGINT NOT NULL
);
