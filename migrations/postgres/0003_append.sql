-- The append: one statement a batch, under one lock, so that sequence order is commit order.

CREATE TABLE recent (
    event_time  timestamptz NOT NULL,
    key         bytea       NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (event_time, key)
);
COMMENT ON TABLE  recent             IS 'Dedupe keys of the window: what was recorded lately, so that the same callback is recorded once.';
COMMENT ON COLUMN recent.event_time  IS 'EventTime of the callback, or its time of receipt when it has none; first, so that inserts and pruning stay local.';
COMMENT ON COLUMN recent.key         IS 'First 16 bytes of SHA-256 of SDKAppID and body, or the receipt id when there is no EventTime.';
COMMENT ON COLUMN recent.recorded_at IS 'When it was recorded, which is long after its receipt if it was spooled; rows older than the window are pruned.';

CREATE FUNCTION portraitd_append(
    expected_seq bigint, expected_chain bytea,
    seqs bigint[], received_ats timestamptz[], event_times timestamptz[], effective_times timestamptz[],
    sdk_app_ids bigint[], kinds text[], auths text[], accounts text[], operators text[], client_ips text[], platforms text[],
    receipt_ids bytea[], salts bytea[], digests bytea[], chains bytea[], bodies bytea[],
    item_seqs bigint[], ordinals integer[], tags text[], item_values text[],
    key_times timestamptz[], keys bytea[],
    OUT head_seq bigint, OUT head_chain bytea, OUT known bigint[], OUT appended boolean
) LANGUAGE plpgsql AS $$
BEGIN
    appended := false;
    -- Each statement below takes its snapshot after the lock is held, so it sees everything committed under it.
    PERFORM pg_advisory_xact_lock(1886351988, 'callbacks'::regclass::oid::integer);

    SELECT c.seq, c.chain INTO head_seq, head_chain
      FROM callbacks c WHERE c.seq >= expected_seq ORDER BY c.seq DESC LIMIT 1;
    IF NOT FOUND THEN
        SELECT c.seq, c.chain INTO head_seq, head_chain FROM callbacks c ORDER BY c.seq DESC LIMIT 1;
    END IF;
    SELECT array_agg(k.at) INTO known
      FROM unnest(key_times, keys) WITH ORDINALITY AS k (event_time, key, at)
      JOIN recent r ON r.event_time = k.event_time AND r.key = k.key;
    IF known IS NOT NULL OR coalesce(head_seq, 0) <> expected_seq
       OR (head_seq IS NOT NULL AND head_chain IS DISTINCT FROM expected_chain) THEN
        RETURN;
    END IF;

    INSERT INTO recent (event_time, key, recorded_at)
    SELECT k.event_time, k.key, now() FROM unnest(key_times, keys) AS k (event_time, key);
    INSERT INTO callbacks (seq, received_at, event_time, effective_time, sdk_app_id, kind, auth, account, operator,
                           client_ip, platform, receipt_id, salt, digest, chain, body)
    SELECT * FROM unnest(seqs, received_ats, event_times, effective_times, sdk_app_ids, kinds, auths, accounts, operators,
                         client_ips, platforms, receipt_ids, salts, digests, chains, bodies);
    INSERT INTO profile_changes (seq, ordinal, tag, value)
    SELECT * FROM unnest(item_seqs, ordinals, tags, item_values);

    head_seq := seqs[cardinality(seqs)];
    head_chain := chains[cardinality(chains)];
    appended := true;
END
$$;
COMMENT ON FUNCTION portraitd_append IS
    'Appends a batch if the log''s head is the expected one and none of the keys is known; otherwise writes nothing and returns the head and the positions of known keys. The lock is held until the transaction ends.';
