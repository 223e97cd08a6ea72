-- +goose Up
-- Sessions of the wallet façade: an access and a refresh token, 256 random bits
-- each, of which the SHA-256 is kept. A challenge is what a password was sent for.

CREATE TABLE facade_sessions (
    access     BLOB   NOT NULL PRIMARY KEY,
    refresh    BLOB   NOT NULL UNIQUE,
    key_id     TEXT   NOT NULL,
    source     TEXT   NOT NULL,
    wallet     TEXT   NOT NULL,
    assurance  TEXT   NOT NULL,
    expires_at BIGINT NOT NULL,
    ends_at    BIGINT NOT NULL
);

CREATE TABLE facade_challenges (
    hash       BLOB   NOT NULL PRIMARY KEY,
    source     TEXT   NOT NULL,
    wallet     TEXT   NOT NULL,
    expires_at BIGINT NOT NULL
);
