-- Partitions attached ahead of need: CREATE, CHECK, ATTACH, so that neither readers nor appends wait for them.

CREATE VIEW span AS SELECT bigint '1000000' AS entries;
COMMENT ON VIEW   span         IS 'How large the parts are in which the log grows and in which it is pruned. Never to be changed once there are entries.';
COMMENT ON COLUMN span.entries IS 'Sequences in a part, here a partition: n * entries to n * entries + entries - 1.';

CREATE FUNCTION portraitd_extend() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    size   CONSTANT bigint := (SELECT entries FROM span);
    schema CONSTANT text   := current_schema();
    head   bigint;
    parent text;
    child  text;
    low    bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(1886351989, format('%I.callbacks', schema)::regclass::oid::integer);
    SELECT coalesce(max(seq), 0) INTO head FROM callbacks;
    FOR n IN head / size .. head / size + 2 LOOP
        low := n * size;
        FOREACH parent IN ARRAY ARRAY['callbacks', 'profile_changes'] LOOP
            child := format('%s_%s', parent, lpad(n::text, greatest(6, length(n::text)), '0'));
            CONTINUE WHEN to_regclass(format('%I.%I', schema, child)) IS NOT NULL;
            EXECUTE format('CREATE TABLE %1$I.%2$I (LIKE %1$I.%3$I INCLUDING ALL EXCLUDING INDEXES,
                            CONSTRAINT %4$I CHECK (seq >= %5$s AND seq < %6$s))',
                           schema, child, parent, child || '_range', low, low + size);
            EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I.%I
                            FOR EACH STATEMENT EXECUTE FUNCTION %1$I.portraitd_refuse()', schema, child);
            EXECUTE format('ALTER TABLE %1$I.%2$I ATTACH PARTITION %1$I.%3$I FOR VALUES FROM (%4$s) TO (%5$s)',
                           schema, parent, child, low, low + size);
            EXECUTE format('ALTER TABLE %I.%I DROP CONSTRAINT %I', schema, child, child || '_range');
        END LOOP;
    END LOOP;
    RETURN (head / size + 3) * size;
END
$$;
COMMENT ON FUNCTION portraitd_extend() IS 'Attaches the partitions of the range that holds the newest entry and of the two after it; returns the first sequence without one.';
REVOKE EXECUTE ON FUNCTION portraitd_extend() FROM PUBLIC;
-- It runs with the owner's rights: a caller's temporary types and tables must come last, or they would run with them too.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION portraitd_extend() SET search_path = %I, pg_temp', current_schema());
END
$$;

SELECT portraitd_extend();
