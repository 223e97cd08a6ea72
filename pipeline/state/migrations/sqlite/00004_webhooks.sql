-- +goose Up
-- Webhooks: who is told, what happened, and which of it has arrived where. The
-- rows here say everything; the queue's steps only say that it is time to look.
-- Secrets and messages are sealed.

CREATE TABLE webhook_endpoints (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT   NOT NULL UNIQUE,
    url        TEXT   NOT NULL,
    types      TEXT   NOT NULL,
    form       TEXT   NOT NULL,
    ordered    BIGINT NOT NULL,
    secrets    BLOB  NOT NULL,
    disabled   TEXT   NOT NULL DEFAULT '',
    failures   BIGINT NOT NULL DEFAULT 0,
    open_until BIGINT NOT NULL DEFAULT 0,
    applied    BIGINT NOT NULL,
    added_at   BIGINT NOT NULL
);

CREATE TABLE webhook_events (
    id       TEXT   NOT NULL PRIMARY KEY,
    type     TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    snapshot BIGINT NOT NULL,
    sealed   BLOB,
    added_at BIGINT NOT NULL
);

CREATE TABLE webhook_deliveries (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    endpoint     BIGINT NOT NULL,
    event_id     TEXT   NOT NULL,
    status       TEXT   NOT NULL,
    tries        BIGINT NOT NULL DEFAULT 0,
    first_at     BIGINT NOT NULL DEFAULT 0,
    next_at      BIGINT NOT NULL DEFAULT 0,
    last_at      BIGINT NOT NULL DEFAULT 0,
    code         BIGINT NOT NULL DEFAULT 0,
    error        TEXT   NOT NULL DEFAULT '',
    delivered_at BIGINT NOT NULL DEFAULT 0,
    changed_at   BIGINT NOT NULL,
    UNIQUE (endpoint, event_id)
);

CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (endpoint, status, id);
CREATE INDEX webhook_deliveries_changed ON webhook_deliveries (changed_at);
CREATE INDEX runs_by_end ON runs (finished_at);
