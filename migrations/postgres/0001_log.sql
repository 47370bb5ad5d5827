-- The log: callbacks and their items, append-only, partitioned by sequence.

CREATE TABLE callbacks (
    seq            bigint      NOT NULL,
    received_at    timestamptz NOT NULL,
    event_time     timestamptz,
    effective_time timestamptz NOT NULL,
    sdk_app_id     bigint      NOT NULL,
    kind           text        NOT NULL CHECK (kind IN ('callback', 'baseline', 'reconcile', 'erasure')),
    auth           text        NOT NULL CHECK (auth IN ('sign', 'none')),
    account        text        COLLATE "C",
    operator       text        COLLATE "C",
    client_ip      text,
    platform       text,
    receipt_id     bytea       NOT NULL,
    salt           bytea,
    digest         bytea       NOT NULL,
    chain          bytea       NOT NULL,
    body           bytea,
    PRIMARY KEY (seq)
) PARTITION BY RANGE (seq);

COMMENT ON TABLE  callbacks                IS 'The log: one row per callback, append-only, in the order of commit.';
COMMENT ON COLUMN callbacks.seq            IS 'Position in the log, from 1, without gaps; sequence order is commit order.';
COMMENT ON COLUMN callbacks.received_at    IS 'When portraitd received it, by its own clock, in milliseconds.';
COMMENT ON COLUMN callbacks.event_time     IS 'EventTime as the vendor gave it; null when missing or not a time.';
COMMENT ON COLUMN callbacks.effective_time IS 'event_time unless null or more than 5 minutes after received_at, then received_at; history is ordered by it.';
COMMENT ON COLUMN callbacks.sdk_app_id     IS 'SDKAppID of the app the callback belongs to.';
COMMENT ON COLUMN callbacks.kind           IS 'callback: sent by the vendor; baseline, reconcile: found by reconciliation; erasure: names entries whose person was erased.';
COMMENT ON COLUMN callbacks.auth           IS 'sign: the Sign was verified; none: the app has no token.';
COMMENT ON COLUMN callbacks.account        IS 'From_Account: whose profile changed; null once erased.';
COMMENT ON COLUMN callbacks.operator       IS 'Operator_Account: who changed it; null when missing, unusable or erased.';
COMMENT ON COLUMN callbacks.client_ip      IS 'ClientIP of the query, the vendor''s claim.';
COMMENT ON COLUMN callbacks.platform       IS 'OptPlatform of the query, an open set.';
COMMENT ON COLUMN callbacks.receipt_id     IS '16 bytes made at receipt; the idempotency key everywhere.';
COMMENT ON COLUMN callbacks.salt           IS '16 random bytes that keep the digest from being guessed once the entry is erased.';
COMMENT ON COLUMN callbacks.digest         IS 'SHA-256 of salt, account, operator, event_time, client_ip, platform, body; see docs/proof.md.';
COMMENT ON COLUMN callbacks.chain          IS 'SHA-256 of the previous entry''s chain, this entry''s fields and its digest; see docs/proof.md.';
COMMENT ON COLUMN callbacks.body           IS 'The body, byte for byte as received; null once erased.';

-- The account first: it decides most comparisons alone, and serves searches that do not name the app.
CREATE INDEX callbacks_account  ON callbacks (account, sdk_app_id, effective_time, seq);
CREATE INDEX callbacks_operator ON callbacks (operator, seq, sdk_app_id) WHERE operator IS DISTINCT FROM account;
CREATE INDEX callbacks_received ON callbacks USING brin (received_at);
CREATE INDEX callbacks_kind     ON callbacks (kind, seq) WHERE kind <> 'callback';

CREATE TABLE profile_changes (
    seq     bigint  NOT NULL,
    ordinal integer NOT NULL,
    tag     text    COLLATE "C" NOT NULL,
    value   text,
    PRIMARY KEY (seq, ordinal)
) PARTITION BY RANGE (seq);

COMMENT ON TABLE  profile_changes         IS 'One row per ProfileItem of an entry, derived from its body; append-only. profile_history shows them with their old values.';
COMMENT ON COLUMN profile_changes.seq     IS 'The entry in callbacks.';
COMMENT ON COLUMN profile_changes.ordinal IS 'Position in ProfileItem, from 0.';
COMMENT ON COLUMN profile_changes.tag     IS 'Tag, such as Tag_Profile_IM_Nick.';
COMMENT ON COLUMN profile_changes.value   IS 'Value as JSON text, because jsonb refuses \u0000 and lone surrogates; the text null stands for a missing Value, SQL NULL for one that was erased.';

CREATE FUNCTION portraitd_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('portraitd.erasing', true) = 'on'
       OR TG_OP = 'DELETE' AND TG_TABLE_NAME = 'blocks' AND current_setting('portraitd.pruning', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END
$$;
COMMENT ON FUNCTION portraitd_refuse() IS 'Refuses UPDATE, DELETE and TRUNCATE on the log and on each of its partitions; UPDATE only outside portraitd_erase, DELETE on blocks only outside pruning.';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON callbacks
    FOR EACH STATEMENT EXECUTE FUNCTION portraitd_refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON profile_changes
    FOR EACH STATEMENT EXECUTE FUNCTION portraitd_refuse();
