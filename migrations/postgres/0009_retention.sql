-- Retention: what is old is dropped a whole partition at a time, and what the rest of the chain hangs on is kept.

CREATE TABLE anchors (
    seq       bigint      PRIMARY KEY,
    chain     bytea       NOT NULL,
    pruned_at timestamptz NOT NULL DEFAULT now(),
    first_seq bigint      NOT NULL,
    entries   bigint      NOT NULL,
    latest    timestamptz NOT NULL
);
COMMENT ON TABLE  anchors           IS 'What was pruned: one row per part of the log, written before anything of it goes; append-only. The log begins after the newest.';
COMMENT ON COLUMN anchors.seq       IS 'The last entry of the part.';
COMMENT ON COLUMN anchors.chain     IS 'Its chain, from which that of the entry after it follows.';
COMMENT ON COLUMN anchors.pruned_at IS 'When pruning it began.';
COMMENT ON COLUMN anchors.first_seq IS 'The first entry of the part.';
COMMENT ON COLUMN anchors.entries   IS 'How many there were.';
COMMENT ON COLUMN anchors.latest    IS 'The latest received_at among them.';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON anchors
    FOR EACH STATEMENT EXECUTE FUNCTION portraitd_refuse();

CREATE TABLE pruning (
    up_to bigint      PRIMARY KEY,
    since timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE  pruning       IS 'Holds a row while a part of the log is being dropped: some of it may still be there. Whoever prunes next goes on.';
COMMENT ON COLUMN pruning.up_to IS 'The last entry of the part.';
COMMENT ON COLUMN pruning.since IS 'When it began.';
