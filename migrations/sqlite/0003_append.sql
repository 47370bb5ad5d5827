-- What the append needs besides the log; here the append itself is BEGIN IMMEDIATE and plain inserts.

CREATE TABLE recent ( -- Dedupe keys of the window: what was recorded lately, so that the same callback is recorded once.
    event_time  INTEGER NOT NULL, -- EventTime of the callback, or its time of receipt when it has none.
    key         BLOB    NOT NULL, -- First 16 bytes of SHA-256 of SDKAppID and body, or the receipt id when there is no EventTime.
    recorded_at INTEGER NOT NULL, -- When it was recorded, which is long after its receipt if it was spooled; rows older than the window are pruned.
    PRIMARY KEY (event_time, key)
) STRICT, WITHOUT ROWID;
