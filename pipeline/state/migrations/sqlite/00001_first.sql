-- +goose Up
-- Instants are microseconds since the epoch, UTC. "sealed" columns are opaque
-- to the database: only the keeper of the configuration opens them.

CREATE TABLE sessions (
    source     TEXT   NOT NULL,
    wallet     TEXT   NOT NULL,
    sealed     BLOB  NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (source, wallet)
);

CREATE TABLE vault (
    id       TEXT   NOT NULL PRIMARY KEY,
    sealed   BLOB  NOT NULL,
    added_at BIGINT NOT NULL
);

CREATE TABLE runs (
    id          TEXT   NOT NULL PRIMARY KEY,
    pipeline    TEXT   NOT NULL,
    started_at  BIGINT NOT NULL,
    finished_at BIGINT NOT NULL,
    code        BIGINT NOT NULL,
    rows_read   BIGINT NOT NULL,
    snapshot    BIGINT NOT NULL,
    report      TEXT   NOT NULL
);

CREATE INDEX runs_by_pipeline ON runs (pipeline, started_at);

CREATE TABLE meta (
    name       TEXT   NOT NULL PRIMARY KEY,
    value      TEXT   NOT NULL,
    changed_at BIGINT NOT NULL
);
