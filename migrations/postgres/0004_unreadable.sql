-- Authentic bodies that could not be read: kept, bounded, outside sequence and chain.

CREATE TABLE unreadable (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    first_at    timestamptz NOT NULL,
    last_at     timestamptz NOT NULL,
    times       bigint      NOT NULL DEFAULT 1,
    sdk_app_id  bigint,
    command     text,
    reason      text        NOT NULL,
    auth        text        NOT NULL,
    client_ip   text,
    platform    text,
    receipt_id  bytea       NOT NULL,
    hash        bytea       NOT NULL UNIQUE,
    body        bytea       NOT NULL
);
COMMENT ON TABLE  unreadable            IS 'Authentic bodies that could not be recorded, verbatim; bounded by size, the oldest go first.';
COMMENT ON COLUMN unreadable.id         IS 'Order of first arrival.';
COMMENT ON COLUMN unreadable.first_at   IS 'When this body was first received.';
COMMENT ON COLUMN unreadable.last_at    IS 'When this body was last received.';
COMMENT ON COLUMN unreadable.times      IS 'How often this body was received for this app and reason.';
COMMENT ON COLUMN unreadable.sdk_app_id IS 'SDKAppID of the query; null when it was missing.';
COMMENT ON COLUMN unreadable.command    IS 'CallbackCommand of the query; null when it was missing or repeated.';
COMMENT ON COLUMN unreadable.reason     IS 'What and where, in one sentence.';
COMMENT ON COLUMN unreadable.auth       IS 'sign: the Sign was verified; none: the app has no token; stale: the Sign is right but its time is not.';
COMMENT ON COLUMN unreadable.client_ip  IS 'ClientIP of the query.';
COMMENT ON COLUMN unreadable.platform   IS 'OptPlatform of the query.';
COMMENT ON COLUMN unreadable.receipt_id IS 'Receipt of the first arrival.';
COMMENT ON COLUMN unreadable.hash       IS 'SHA-256 of SDKAppID, reason and body; the same again is counted, not stored.';
COMMENT ON COLUMN unreadable.body       IS 'The body, byte for byte as received.';
