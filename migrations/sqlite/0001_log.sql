-- The log: callbacks and their items, append-only. Times are Unix milliseconds. Twin of migrations/postgres.

CREATE TABLE callbacks ( -- The log: one row per callback, append-only, in the order of commit.
    seq            INTEGER PRIMARY KEY,  -- Position in the log, from 1, without gaps; sequence order is commit order.
    received_at    INTEGER NOT NULL,     -- When portraitd received it, by its own clock.
    event_time     INTEGER,              -- EventTime as the vendor gave it; null when missing or not a time.
    effective_time INTEGER NOT NULL,     -- event_time unless null or more than 5 minutes after received_at, then received_at; history is ordered by it.
    sdk_app_id     INTEGER NOT NULL,     -- SDKAppID of the app the callback belongs to.
    kind           TEXT    NOT NULL CHECK (kind IN ('callback', 'baseline', 'reconcile', 'erasure')), -- callback: sent by the vendor; baseline, reconcile: found by reconciliation; erasure: names entries whose person was erased.
    auth           TEXT    NOT NULL CHECK (auth IN ('sign', 'none')), -- sign: the Sign was verified; none: the app has no token.
    account        TEXT,                 -- From_Account: whose profile changed; null once erased.
    operator       TEXT,                 -- Operator_Account: who changed it; null when missing, unusable or erased.
    client_ip      TEXT,                 -- ClientIP of the query, the vendor's claim.
    platform       TEXT,                 -- OptPlatform of the query, an open set.
    receipt_id     BLOB    NOT NULL,     -- 16 bytes made at receipt; the idempotency key everywhere.
    salt           BLOB,                 -- 16 random bytes that keep the digest from being guessed once the entry is erased.
    digest         BLOB    NOT NULL,     -- SHA-256 of salt, account, operator, event_time, client_ip, platform, body; see docs/proof.md.
    chain          BLOB    NOT NULL,     -- SHA-256 of the previous entry's chain, this entry's fields and its digest; see docs/proof.md.
    body           BLOB                  -- The body, byte for byte as received; null once erased.
) STRICT;

-- The account first: it decides most comparisons alone, and serves searches that do not name the app.
CREATE INDEX callbacks_account  ON callbacks (account, sdk_app_id, effective_time, seq);
CREATE INDEX callbacks_operator ON callbacks (operator, seq, sdk_app_id) WHERE operator IS NOT account;
CREATE INDEX callbacks_kind     ON callbacks (kind, seq) WHERE kind <> 'callback';

CREATE TABLE profile_changes ( -- One row per ProfileItem of an entry, derived from its body; append-only.
    seq     INTEGER NOT NULL, -- The entry in callbacks.
    ordinal INTEGER NOT NULL, -- Position in ProfileItem, from 0.
    tag     TEXT    NOT NULL, -- Tag, such as Tag_Profile_IM_Nick.
    value   TEXT,             -- Value as JSON text; the text null stands for a missing Value, SQL NULL for one that was erased.
    PRIMARY KEY (seq, ordinal)
) STRICT, WITHOUT ROWID;

-- erasing: see 0008
CREATE TRIGGER callbacks_no_update BEFORE UPDATE ON callbacks WHEN NOT EXISTS (SELECT 1 FROM erasing)
BEGIN SELECT RAISE(ABORT, 'callbacks is append-only: UPDATE is refused'); END;
CREATE TRIGGER callbacks_no_delete BEFORE DELETE ON callbacks
BEGIN SELECT RAISE(ABORT, 'callbacks is append-only: DELETE is refused'); END;
CREATE TRIGGER callbacks_no_replace BEFORE INSERT ON callbacks WHEN EXISTS (SELECT 1 FROM callbacks WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'callbacks is append-only: replacing a row is refused'); END;

CREATE TRIGGER profile_changes_no_update BEFORE UPDATE ON profile_changes WHEN NOT EXISTS (SELECT 1 FROM erasing)
BEGIN SELECT RAISE(ABORT, 'profile_changes is append-only: UPDATE is refused'); END;
CREATE TRIGGER profile_changes_no_delete BEFORE DELETE ON profile_changes
BEGIN SELECT RAISE(ABORT, 'profile_changes is append-only: DELETE is refused'); END;
CREATE TRIGGER profile_changes_no_replace BEFORE INSERT ON profile_changes
WHEN EXISTS (SELECT 1 FROM profile_changes WHERE seq = NEW.seq AND ordinal = NEW.ordinal)
BEGIN SELECT RAISE(ABORT, 'profile_changes is append-only: replacing a row is refused'); END;
