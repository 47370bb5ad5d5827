-- Handlers: where each is in the log, what of it waits or is dead, and who steered it.

CREATE TABLE subscriptions (
    handler     text        COLLATE "C" PRIMARY KEY,
    created_at  timestamptz NOT NULL DEFAULT now(),
    position    bigint      NOT NULL CHECK (position >= 0),
    reach       bigint      NOT NULL CHECK (reach >= position),
    solo_seq    bigint      NOT NULL DEFAULT 0,
    solo_starts integer     NOT NULL DEFAULT 0,
    paused      boolean     NOT NULL DEFAULT false,
    stalled_at  timestamptz,
    orders      bigint      NOT NULL DEFAULT 0,
    epoch       bigint      NOT NULL DEFAULT 0,
    owner       text,
    lease_until timestamptz
) WITH (fillfactor = 50);
COMMENT ON TABLE  subscriptions             IS 'One row per handler: its cursor over the log, its lease, and what is in flight.';
COMMENT ON COLUMN subscriptions.handler     IS 'The handler''s name.';
COMMENT ON COLUMN subscriptions.created_at  IS 'When it was first seen.';
COMMENT ON COLUMN subscriptions.position    IS 'The cursor: every entry up to it was handled, did not concern the handler, or is in deliveries.';
COMMENT ON COLUMN subscriptions.reach       IS 'Entries after position and up to here may have been started: the batch in flight. Equal to position after a clean end.';
COMMENT ON COLUMN subscriptions.solo_seq    IS 'The entry that was started alone last, after an unclean end; 0 when none.';
COMMENT ON COLUMN subscriptions.solo_starts IS 'How often it was started alone without coming to an end.';
COMMENT ON COLUMN subscriptions.paused      IS 'Whether an operator holds it.';
COMMENT ON COLUMN subscriptions.stalled_at  IS 'Since when attempts over many accounts have all failed; null while it works.';
COMMENT ON COLUMN subscriptions.orders      IS 'Counts operators'' actions, so that the owner notices them.';
COMMENT ON COLUMN subscriptions.epoch       IS 'Counts owners; settling needs the newest. Handlers see it, to fence what an old owner still does.';
COMMENT ON COLUMN subscriptions.owner       IS 'The process that handles it now; null after a clean end.';
COMMENT ON COLUMN subscriptions.lease_until IS 'Until when it may, by this database''s clock.';

CREATE TABLE deliveries (
    handler     text        COLLATE "C" NOT NULL,
    seq         bigint      NOT NULL,
    state       text        NOT NULL CHECK (state IN ('waiting', 'dead')),
    in_order    boolean     NOT NULL DEFAULT true,
    attempts    integer     NOT NULL DEFAULT 0,
    due_at      timestamptz,
    running     boolean     NOT NULL DEFAULT false,
    solo_starts integer     NOT NULL DEFAULT 0,
    error       text,
    since       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (handler, seq)
);
CREATE INDEX deliveries_waiting ON deliveries (handler, seq) WHERE state = 'waiting';
COMMENT ON TABLE  deliveries             IS 'Entries that a handler''s cursor has passed and that are not done: parked, waiting behind a parked one of their account, or dead letters.';
COMMENT ON COLUMN deliveries.handler     IS 'The handler''s name.';
COMMENT ON COLUMN deliveries.seq         IS 'The entry in callbacks.';
COMMENT ON COLUMN deliveries.state       IS 'waiting: it will be tried; dead: it will not, until an operator says so.';
COMMENT ON COLUMN deliveries.in_order    IS 'Whether later entries of its account wait for it; false for a dead letter that is tried again.';
COMMENT ON COLUMN deliveries.attempts    IS 'Failed attempts.';
COMMENT ON COLUMN deliveries.due_at      IS 'When it is tried next; null while it waits behind another.';
COMMENT ON COLUMN deliveries.running     IS 'Whether an attempt was begun that has not come to an end.';
COMMENT ON COLUMN deliveries.solo_starts IS 'How often it was started alone, after an unclean end, without coming to an end.';
COMMENT ON COLUMN deliveries.error       IS 'Why the last attempt failed.';
COMMENT ON COLUMN deliveries.since       IS 'When it came here.';

CREATE TABLE access_log (
    id      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT now(),
    who     text        NOT NULL,
    action  text        NOT NULL,
    target  text        NOT NULL,
    details text
);
COMMENT ON TABLE  access_log         IS 'Who looked at people''s data and who operated the service: append-only.';
COMMENT ON COLUMN access_log.id      IS 'Order of the actions.';
COMMENT ON COLUMN access_log.at      IS 'When.';
COMMENT ON COLUMN access_log.who     IS 'The admin token''s name, or the system user of the command line.';
COMMENT ON COLUMN access_log.action  IS 'What was done, such as changes.read or handlers.pause.';
COMMENT ON COLUMN access_log.target  IS 'To what: an account, a handler, or * for whatever there is.';
COMMENT ON COLUMN access_log.details IS 'How, or what was asked for and from where.';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access_log
    FOR EACH STATEMENT EXECUTE FUNCTION portraitd_refuse();

-- Commits without waiting for the disk: what a crash of the database takes back is handled again, never lost.
CREATE FUNCTION portraitd_checkpoint(
    in_handler text, in_owner text, in_epoch bigint, lease_ms bigint,
    in_position bigint, in_reach bigint, in_solo_seq bigint, in_solo_starts integer, is_stalled boolean, release boolean,
    seqs bigint[], states text[], in_orders boolean[], attempt_counts integer[], due_ins bigint[], runnings boolean[],
    solos integer[], errors text[], gone bigint[],
    OUT paused boolean, OUT orders bigint
) RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
    -- A cursor that is lost with the server's memory is written again whole. Deliveries are written once.
    IF cardinality(seqs) = 0 AND cardinality(gone) = 0 THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    UPDATE subscriptions s
       SET position = in_position, reach = in_reach, solo_seq = in_solo_seq, solo_starts = in_solo_starts,
           stalled_at = CASE WHEN is_stalled THEN coalesce(s.stalled_at, now()) END,
           owner = CASE WHEN release THEN NULL ELSE s.owner END,
           lease_until = now() + lease_ms * interval '1 millisecond'
     WHERE s.handler = in_handler AND s.owner = in_owner AND s.epoch = in_epoch
    RETURNING s.paused, s.orders INTO paused, orders;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF cardinality(gone) > 0 THEN
        DELETE FROM deliveries d WHERE d.handler = in_handler AND d.seq = ANY (gone);
    END IF;
    IF cardinality(seqs) > 0 THEN
        INSERT INTO deliveries AS d (handler, seq, state, in_order, attempts, due_at, running, solo_starts, error)
        SELECT in_handler, n.seq, n.state, n.in_order, n.attempts, now() + n.due_in * interval '1 millisecond', n.running, n.solo,
               -- of an entry that was erased meanwhile no error is kept
               CASE WHEN EXISTS (SELECT 1 FROM callbacks c WHERE c.seq = n.seq AND c.body IS NOT NULL) THEN n.error END
          FROM unnest(seqs, states, in_orders, attempt_counts, due_ins, runnings, solos, errors)
               AS n (seq, state, in_order, attempts, due_in, running, solo, error)
        ON CONFLICT (handler, seq) DO UPDATE
           SET state = excluded.state, in_order = excluded.in_order, attempts = excluded.attempts, due_at = excluded.due_at,
               running = excluded.running, solo_starts = excluded.solo_starts, error = excluded.error;
    END IF;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION portraitd_checkpoint IS
    'Settles what a handler''s owner did and renews its lease, if it is still the owner under this epoch; otherwise writes nothing and returns no row.';
