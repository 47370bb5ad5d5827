-- An index over time that is exact although callbacks that waited in a spool are recorded late: searches by time skip blocks.

CREATE TABLE blocks ( -- When the entries of each 4,096 sequences were received; a block is added once it is full. Derived, append-only.
    block    INTEGER PRIMARY KEY,                          -- Sequences block * 4096 to block * 4096 + 4095.
    earliest INTEGER NOT NULL,                             -- The earliest received_at among them.
    latest   INTEGER NOT NULL CHECK (latest >= earliest)   -- The latest.
) STRICT;
CREATE TRIGGER blocks_no_update BEFORE UPDATE ON blocks
BEGIN SELECT RAISE(ABORT, 'blocks is append-only: UPDATE is refused'); END;
CREATE TRIGGER blocks_no_delete BEFORE DELETE ON blocks
BEGIN SELECT RAISE(ABORT, 'blocks is append-only: DELETE is refused'); END;
