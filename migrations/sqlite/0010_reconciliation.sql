-- Reconciliation: how far it has come, so that what was interrupted goes on. Times are Unix milliseconds.

CREATE TABLE reconciliations ( -- One row per app and who reconciles it: the newest reconciliation of all its accounts.
    sdk_app_id INTEGER NOT NULL, -- SDKAppID.
    name       TEXT    NOT NULL, -- serve: the service, as reconcile.every says; command: portraitd reconcile --all.
    begun_at   INTEGER NOT NULL, -- When it began, by this database's clock; going on does not change it.
    moved_at   INTEGER,          -- When it came further at last; null when nobody is at it.
    ended_at   INTEGER,          -- When it ended; null until then.
    after      TEXT    NOT NULL, -- Every account up to this one is done; empty at the beginning, at the end, and when that account was erased.
    PRIMARY KEY (sdk_app_id, name)
) STRICT, WITHOUT ROWID;
