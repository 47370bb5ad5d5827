-- Retention: what is old is dropped part by part, and what the rest of the chain hangs on is kept.

CREATE TABLE anchors ( -- What was pruned: one row per part of the log, written before anything of it goes; append-only. The log begins after the newest.
    seq       INTEGER PRIMARY KEY, -- The last entry of the part.
    chain     BLOB    NOT NULL, -- Its chain, from which that of the entry after it follows.
    pruned_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER)), -- When pruning it began.
    first_seq INTEGER NOT NULL, -- The first entry of the part.
    entries   INTEGER NOT NULL, -- How many there were.
    latest    INTEGER NOT NULL  -- The latest received_at among them.
) STRICT;
CREATE TRIGGER anchors_no_update BEFORE UPDATE ON anchors
BEGIN SELECT RAISE(ABORT, 'anchors is append-only: UPDATE is refused'); END;
CREATE TRIGGER anchors_no_delete BEFORE DELETE ON anchors
BEGIN SELECT RAISE(ABORT, 'anchors is append-only: DELETE is refused'); END;
CREATE TRIGGER anchors_no_replace BEFORE INSERT ON anchors WHEN EXISTS (SELECT 1 FROM anchors WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'anchors is append-only: replacing a row is refused'); END;

CREATE TABLE pruning ( -- Holds a row while a part of the log is being dropped: some of it may still be there. Whoever prunes next goes on.
    up_to INTEGER PRIMARY KEY, -- The last entry of the part.
    since INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER)) -- When it began.
) STRICT;

-- What is being pruned may go.
DROP TRIGGER callbacks_no_delete;
CREATE TRIGGER callbacks_no_delete BEFORE DELETE ON callbacks WHEN NOT EXISTS (SELECT 1 FROM pruning WHERE up_to >= OLD.seq)
BEGIN SELECT RAISE(ABORT, 'callbacks is append-only: DELETE is refused'); END;
DROP TRIGGER profile_changes_no_delete;
CREATE TRIGGER profile_changes_no_delete BEFORE DELETE ON profile_changes WHEN NOT EXISTS (SELECT 1 FROM pruning WHERE up_to >= OLD.seq)
BEGIN SELECT RAISE(ABORT, 'profile_changes is append-only: DELETE is refused'); END;
DROP TRIGGER blocks_no_delete;
CREATE TRIGGER blocks_no_delete BEFORE DELETE ON blocks WHEN NOT EXISTS (SELECT 1 FROM pruning WHERE up_to >= OLD.block * 4096 + 4095)
BEGIN SELECT RAISE(ABORT, 'blocks is append-only: DELETE is refused'); END;
