-- +goose Up
-- What upstreams deliver by themselves, from the moment it is answered with 200
-- until it is in the lake. "body" is sealed, and empty once the row is settled:
-- the digest is what tells a repetition.

CREATE TABLE inbox (
    id          BIGSERIAL PRIMARY KEY,
    source      TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    digest      TEXT   NOT NULL,
    variant     TEXT   NOT NULL,
    received_at BIGINT NOT NULL,
    body        BYTEA,
    settled_at  BIGINT NOT NULL DEFAULT 0,
    outcome     TEXT   NOT NULL DEFAULT '',
    UNIQUE (source, digest)
);

CREATE INDEX inbox_waiting ON inbox (settled_at, id);
