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
    seq        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
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
    seq     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      BIGINT NOT NULL,
    actor   TEXT   NOT NULL,
    action  TEXT   NOT NULL,
    subject TEXT   NOT NULL,
    reason  TEXT   NOT NULL
);

CREATE TABLE vault_keys (
    version    BIGINT NOT NULL PRIMARY KEY,
    key_sealed BYTEA   NOT NULL,
    added_at   BIGINT NOT NULL
);

CREATE TABLE subjects (
    seq        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         TEXT   NOT NULL UNIQUE,
    key_sealed BYTEA   NOT NULL,
    sealed     BYTEA   NOT NULL,
    added_at   BIGINT NOT NULL,
    erased_at  BIGINT NOT NULL
);

CREATE TABLE suppressed (
    pseudonym TEXT   NOT NULL PRIMARY KEY,
    added_at  BIGINT NOT NULL
);

CREATE TABLE pseudonym_keys (
    version    BIGINT NOT NULL PRIMARY KEY,
    key_sealed BYTEA   NOT NULL,
    proof      TEXT   NOT NULL,
    added_at   BIGINT NOT NULL
);

ALTER TABLE vault ADD COLUMN subjects TEXT NOT NULL DEFAULT '';

-- Receipts and the record of what people did are only ever added to.

-- +goose StatementBegin
CREATE FUNCTION paylake_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
-- +goose StatementEnd
CREATE TRIGGER consent_events_stay BEFORE UPDATE OR DELETE ON consent_events FOR EACH ROW EXECUTE FUNCTION paylake_append_only();
CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION paylake_append_only();
