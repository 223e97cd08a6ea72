-- +goose Up
-- The sales that a platform's own list has shown of payments that are initiated
-- from here. The lake holds one row of an operation, whether a callback or the
-- list brought it; the daily check has to know which of them said so.

CREATE TABLE payment_listings (
    source       TEXT   NOT NULL,
    operation_id TEXT   NOT NULL,
    payment_id   TEXT   NOT NULL,
    status       TEXT   NOT NULL,
    currency     TEXT   NOT NULL,
    minor        BIGINT NOT NULL,
    at           BIGINT NOT NULL,
    PRIMARY KEY (source, operation_id)
);
