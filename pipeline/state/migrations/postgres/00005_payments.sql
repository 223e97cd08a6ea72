-- +goose Up
-- Payments that are initiated from here: where each stands, how it came there,
-- and the switch that stops them all. "sealed" is the whole intent; the columns
-- beside it are what is searched and summed.

CREATE TABLE payments (
    id         TEXT   NOT NULL PRIMARY KEY,
    tenant     TEXT   NOT NULL,
    order_key  TEXT   NOT NULL,
    source     TEXT   NOT NULL,
    job        TEXT   NOT NULL,
    provider   TEXT   NOT NULL,
    currency   TEXT   NOT NULL,
    minor      BIGINT NOT NULL,
    status     TEXT   NOT NULL,
    committed  BIGINT NOT NULL,
    sent_at    BIGINT NOT NULL,
    next_at    BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    sealed     BYTEA  NOT NULL,
    changed_at BIGINT NOT NULL,
    UNIQUE (tenant, order_key)
);

CREATE INDEX payments_used ON payments (committed, sent_at);
CREATE INDEX payments_due ON payments (next_at);
CREATE INDEX payments_by_status ON payments (status, id);

CREATE TABLE payment_history (
    payment_id  TEXT   NOT NULL,
    version     BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    from_status TEXT   NOT NULL,
    to_status   TEXT   NOT NULL,
    event       TEXT   NOT NULL,
    actor       TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    PRIMARY KEY (payment_id, version)
);

-- One row. Whoever decides about payments changes it first, and so they follow
-- one another; "turns" is there to be changed.
CREATE TABLE payment_switch (
    id     BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    turns  BIGINT NOT NULL,
    killed BIGINT NOT NULL,
    actor  TEXT   NOT NULL,
    reason TEXT   NOT NULL,
    at     BIGINT NOT NULL
);
INSERT INTO payment_switch (id, turns, killed, actor, reason, at) VALUES (1, 0, 0, '', '', 0);

CREATE TABLE payment_keys (
    version    BIGINT NOT NULL PRIMARY KEY,
    key_sealed BYTEA  NOT NULL,
    added_at   BIGINT NOT NULL
);

CREATE TABLE payment_batches (
    id     TEXT   NOT NULL PRIMARY KEY,
    job    TEXT   NOT NULL,
    maker  TEXT   NOT NULL,
    at     BIGINT NOT NULL,
    ids    TEXT   NOT NULL
);

CREATE TRIGGER payment_history_stays BEFORE UPDATE OR DELETE ON payment_history FOR EACH ROW EXECUTE FUNCTION paylake_append_only();
CREATE TRIGGER payments_remain BEFORE DELETE ON payments FOR EACH ROW EXECUTE FUNCTION paylake_append_only();
