-- +goose Up
-- Consents, the vault by subject, and what people did with them. "key_sealed"
-- is what an erasure destroys: without it nothing sealed for the subject opens.

CREATE TABLE consents (
    id          TEXT   NOT NULL PRIMARY KEY,
    source      TEXT   NOT NULL,
    wallet      TEXT   NOT NULL,
    subject     TEXT   NOT NULL,
    purposes    TEXT   NOT NULL,
    from_at     BIGINT NOT NULL,
    until_at    BIGINT NOT NULL,
    text_sha256 TEXT   NOT NULL,
    granted_at  BIGINT NOT NULL,
    granted_by  TEXT   NOT NULL,
    revoked_at  BIGINT NOT NULL
);

CREATE INDEX consents_by_wallet ON consents (source, wallet);

CREATE TABLE consent_events (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    consent_id TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    actor      TEXT   NOT NULL,
    until_at   BIGINT NOT NULL,
    detail     TEXT   NOT NULL
);

CREATE INDEX consent_events_by_consent ON consent_events (consent_id);

-- Counts the changes of consents, in their transactions: looking whether
-- something has changed costs one row.
CREATE TABLE consent_clock (changes BIGINT NOT NULL);
INSERT INTO consent_clock (changes) VALUES (0);

CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    at      BIGINT NOT NULL,
    actor   TEXT   NOT NULL,
    action  TEXT   NOT NULL,
    subject TEXT   NOT NULL,
    reason  TEXT   NOT NULL
);

CREATE TABLE vault_keys (
    version    BIGINT NOT NULL PRIMARY KEY,
    key_sealed BLOB   NOT NULL,
    added_at   BIGINT NOT NULL
);

CREATE TABLE subjects (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT   NOT NULL UNIQUE,
    key_sealed BLOB   NOT NULL,
    sealed     BLOB   NOT NULL,
    added_at   BIGINT NOT NULL,
    erased_at  BIGINT NOT NULL
);

CREATE TABLE suppressed (
    pseudonym TEXT   NOT NULL PRIMARY KEY,
    added_at  BIGINT NOT NULL
);

CREATE TABLE pseudonym_keys (
    version    BIGINT NOT NULL PRIMARY KEY,
    key_sealed BLOB   NOT NULL,
    proof      TEXT   NOT NULL,
    added_at   BIGINT NOT NULL
);

ALTER TABLE vault ADD COLUMN subjects TEXT NOT NULL DEFAULT '';

-- Receipts and the record of what people did are only ever added to.

-- +goose StatementBegin
CREATE TRIGGER consent_events_stay BEFORE UPDATE ON consent_events BEGIN SELECT RAISE(ABORT, 'consent_events is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER consent_events_remain BEFORE DELETE ON consent_events BEGIN SELECT RAISE(ABORT, 'consent_events is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_remains BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
-- +goose StatementEnd
