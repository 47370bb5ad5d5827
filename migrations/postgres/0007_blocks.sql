-- An index over time that is exact although callbacks that waited in a spool are recorded late: searches by time skip blocks.

CREATE TABLE blocks (
    block    bigint      PRIMARY KEY,
    earliest timestamptz NOT NULL,
    latest   timestamptz NOT NULL CHECK (latest >= earliest)
);
COMMENT ON TABLE  blocks          IS 'When the entries of each 4,096 sequences were received; a block is added once it is full. Derived, append-only.';
COMMENT ON COLUMN blocks.block    IS 'Sequences block * 4096 to block * 4096 + 4095.';
COMMENT ON COLUMN blocks.earliest IS 'The earliest received_at among them.';
COMMENT ON COLUMN blocks.latest   IS 'The latest.';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON blocks
    FOR EACH STATEMENT EXECUTE FUNCTION portraitd_refuse();
