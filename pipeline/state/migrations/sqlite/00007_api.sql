-- +goose Up
-- Keys of the HTTP API, and the dashboard's sessions. A key and a session's token
-- are 256 random bits: what is kept is their SHA-256, which opens nothing.

CREATE TABLE api_keys (
    id           TEXT   NOT NULL PRIMARY KEY,
    name         TEXT   NOT NULL UNIQUE,
    hash         BLOB   NOT NULL UNIQUE,
    scopes       TEXT   NOT NULL,
    wallets      TEXT   NOT NULL,
    expires_at   BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    created_by   TEXT   NOT NULL,
    last_used_at BIGINT NOT NULL DEFAULT 0,
    revoked_at   BIGINT NOT NULL DEFAULT 0,
    revoked_by   TEXT   NOT NULL DEFAULT ''
);

CREATE TABLE api_sessions (
    hash       BLOB   NOT NULL PRIMARY KEY,
    key_id     TEXT   NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX api_sessions_by_key ON api_sessions (key_id);
