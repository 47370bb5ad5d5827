-- Handlers: where each is in the log, what of it waits or is dead, and who steered it. Times are Unix milliseconds.

CREATE TABLE subscriptions ( -- One row per handler: its cursor over the log, its lease, and what is in flight.
    handler     TEXT    PRIMARY KEY,        -- The handler's name.
    created_at  INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER)), -- When it was first seen.
    position    INTEGER NOT NULL CHECK (position >= 0), -- The cursor: every entry up to it was handled, did not concern the handler, or is in deliveries.
    reach       INTEGER NOT NULL CHECK (reach >= position), -- Entries after position and up to here may have been started: the batch in flight. Equal to position after a clean end.
    solo_seq    INTEGER NOT NULL DEFAULT 0, -- The entry that was started alone last, after an unclean end; 0 when none.
    solo_starts INTEGER NOT NULL DEFAULT 0, -- How often it was started alone without coming to an end.
    paused      INTEGER NOT NULL DEFAULT 0, -- Whether an operator holds it.
    stalled_at  INTEGER,                    -- Since when attempts over many accounts have all failed; null while it works.
    orders      INTEGER NOT NULL DEFAULT 0, -- Counts operators' actions, so that the owner notices them.
    epoch       INTEGER NOT NULL DEFAULT 0, -- Counts owners; settling needs the newest. Handlers see it, to fence what an old owner still does.
    owner       TEXT,                       -- The process that handles it now; null after a clean end.
    lease_until INTEGER                     -- Until when it may, by this database's clock.
) STRICT, WITHOUT ROWID;

CREATE TABLE deliveries ( -- Entries that a handler's cursor has passed and that are not done: parked, waiting behind a parked one of their account, or dead letters.
    handler     TEXT    NOT NULL,           -- The handler's name.
    seq         INTEGER NOT NULL,           -- The entry in callbacks.
    state       TEXT    NOT NULL CHECK (state IN ('waiting', 'dead')), -- waiting: it will be tried; dead: it will not, until an operator says so.
    in_order    INTEGER NOT NULL DEFAULT 1, -- Whether later entries of its account wait for it; false for a dead letter that is tried again.
    attempts    INTEGER NOT NULL DEFAULT 0, -- Failed attempts.
    due_at      INTEGER,                    -- When it is tried next; null while it waits behind another.
    running     INTEGER NOT NULL DEFAULT 0, -- Whether an attempt was begun that has not come to an end.
    solo_starts INTEGER NOT NULL DEFAULT 0, -- How often it was started alone, after an unclean end, without coming to an end.
    error       TEXT,                       -- Why the last attempt failed.
    since       INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER)), -- When it came here.
    PRIMARY KEY (handler, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_waiting ON deliveries (handler, seq) WHERE state = 'waiting';

CREATE TABLE access_log ( -- Who looked at people's data and who operated the service: append-only.
    id      INTEGER PRIMARY KEY AUTOINCREMENT, -- Order of the actions.
    at      INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER)), -- When.
    who     TEXT    NOT NULL, -- The admin token's name, or the system user of the command line.
    action  TEXT    NOT NULL, -- What was done, such as changes.read or handlers.pause.
    target  TEXT    NOT NULL, -- To what: an account, a handler, or * for whatever there is.
    details TEXT              -- How, or what was asked for and from where.
) STRICT;
CREATE TRIGGER access_log_no_update BEFORE UPDATE ON access_log
BEGIN SELECT RAISE(ABORT, 'access_log is append-only: UPDATE is refused'); END;
CREATE TRIGGER access_log_no_delete BEFORE DELETE ON access_log
BEGIN SELECT RAISE(ABORT, 'access_log is append-only: DELETE is refused'); END;
CREATE TRIGGER access_log_no_replace BEFORE INSERT ON access_log WHEN EXISTS (SELECT 1 FROM access_log WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'access_log is append-only: replacing a row is refused'); END;
