-- Reconciliation: how far it has come, so that what was interrupted goes on.

CREATE TABLE reconciliations (
    sdk_app_id bigint      NOT NULL,
    name       text        NOT NULL,
    begun_at   timestamptz NOT NULL,
    moved_at   timestamptz,
    ended_at   timestamptz,
    after      text        COLLATE "C" NOT NULL,
    PRIMARY KEY (sdk_app_id, name)
);
COMMENT ON TABLE  reconciliations            IS 'One row per app and who reconciles it: the newest reconciliation of all its accounts.';
COMMENT ON COLUMN reconciliations.sdk_app_id IS 'SDKAppID.';
COMMENT ON COLUMN reconciliations.name       IS 'serve: the service, as reconcile.every says; command: portraitd reconcile --all.';
COMMENT ON COLUMN reconciliations.begun_at   IS 'When it began, by this database''s clock; going on does not change it.';
COMMENT ON COLUMN reconciliations.moved_at   IS 'When it came further at last; null when nobody is at it.';
COMMENT ON COLUMN reconciliations.ended_at   IS 'When it ended; null until then.';
COMMENT ON COLUMN reconciliations.after      IS 'Every account up to this one is done; empty at the beginning, at the end, and when that account was erased.';
