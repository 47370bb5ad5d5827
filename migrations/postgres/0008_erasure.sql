-- Forgetting one person: the only way in which what the log holds may change.

CREATE FUNCTION portraitd_erase(
    seqs bigint[], salts bytea[], wholes boolean[], key_times timestamptz[], keys bytea[]
) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM set_config('portraitd.erasing', 'on', true);
    UPDATE callbacks c
       SET salt = e.salt, account = CASE WHEN e.whole THEN NULL ELSE c.account END,
           operator = NULL, client_ip = NULL, platform = NULL, body = NULL
      FROM unnest(seqs, salts, wholes) AS e (seq, salt, whole) WHERE c.seq = e.seq;
    UPDATE profile_changes i
       SET value = NULL
      FROM unnest(seqs, wholes) AS e (seq, whole) WHERE i.seq = e.seq AND e.whole;
    DELETE FROM recent r USING unnest(key_times, keys) AS k (event_time, key)
     WHERE r.event_time = k.event_time AND r.key = k.key;
    UPDATE deliveries d SET error = NULL WHERE d.seq = ANY (seqs);
    PERFORM set_config('portraitd.erasing', 'off', true);
END
$$;
COMMENT ON FUNCTION portraitd_erase IS
    'Erases what is personal in these entries: all of it, or (not whole) what their operator left in them. To be called in the transaction that appends the entry of kind erasure which names them; without it, verification names them instead.';
REVOKE EXECUTE ON FUNCTION portraitd_erase FROM PUBLIC;
-- It runs with the owner's rights: see portraitd_extend.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION portraitd_erase SET search_path = %I, pg_temp', current_schema());
END
$$;
