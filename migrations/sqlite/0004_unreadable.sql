-- Authentic bodies that could not be read: kept, bounded, outside sequence and chain.

CREATE TABLE unreadable ( -- Authentic bodies that could not be recorded, verbatim; bounded by size, the oldest go first.
    id          INTEGER PRIMARY KEY AUTOINCREMENT, -- Order of first arrival.
    first_at    INTEGER NOT NULL, -- When this body was first received.
    last_at     INTEGER NOT NULL, -- When this body was last received.
    times       INTEGER NOT NULL DEFAULT 1, -- How often this body was received for this app and reason.
    sdk_app_id  INTEGER,          -- SDKAppID of the query; null when it was missing.
    command     TEXT,             -- CallbackCommand of the query; null when it was missing or repeated.
    reason      TEXT    NOT NULL, -- What and where, in one sentence.
    auth        TEXT    NOT NULL, -- sign: the Sign was verified; none: the app has no token; stale: the Sign is right but its time is not.
    client_ip   TEXT,             -- ClientIP of the query.
    platform    TEXT,             -- OptPlatform of the query.
    receipt_id  BLOB    NOT NULL, -- Receipt of the first arrival.
    hash        BLOB    NOT NULL UNIQUE, -- SHA-256 of SDKAppID, reason and body; the same again is counted, not stored.
    body        BLOB    NOT NULL  -- The body, byte for byte as received.
) STRICT;
