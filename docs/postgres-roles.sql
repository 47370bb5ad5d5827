-- Two roles for Postgres: the owner migrates, the service may only add to the log. Then append-only binds the service too.
-- With one role for both it guards against mistakes only.
--
-- Run as a superuser in the log's database, before the first migration and again after each one:
--
--     psql -d portraitd -f docs/postgres-roles.sql           roles, and the owner may make tables
--     DATABASE_URL=postgres://portraitd_owner@…  portraitd migrate
--     psql -d portraitd -f docs/postgres-roles.sql           rights on the tables that are there now
--     DATABASE_URL=postgres://portraitd_service@… portraitd serve
--
-- Running it once more changes nothing. Passwords are yours to set: ALTER ROLE portraitd_service PASSWORD '…'.
-- The tables are taken to be in the schema public.

-- portraitd_owner   owns tables and functions; used for `portraitd migrate` and `portraitd prune`, for nothing else
-- portraitd_service what `portraitd serve` and the reading commands run as
-- portraitd_reader  what somebody runs the reading commands as who is to change nothing
-- portraitd_auditor reads the history in SQL, nothing else
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['portraitd_owner', 'portraitd_service', 'portraitd_reader', 'portraitd_auditor'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION', role);
        END IF;
    END LOOP;
    -- Nobody else makes anything here, temporary tables included.
    EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO portraitd_owner, portraitd_service, portraitd_reader, portraitd_auditor', current_database());
END
$$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO portraitd_owner;
GRANT USAGE ON SCHEMA public TO portraitd_service, portraitd_reader, portraitd_auditor;

DO $$
BEGIN
    IF to_regclass('public.callbacks') IS NULL THEN
        RAISE NOTICE 'no tables yet: run portraitd migrate as portraitd_owner, then this file again';
        RETURN;
    END IF;

    -- The log: read and add. No UPDATE, DELETE or TRUNCATE, and nothing at all on the partitions by name.
    GRANT SELECT, INSERT ON public.callbacks, public.profile_changes TO portraitd_service;
    GRANT SELECT ON public.profile_history TO portraitd_service;

    -- Dedupe keys come and go.
    GRANT SELECT, INSERT, DELETE ON public.recent TO portraitd_service;

    -- Unreadable bodies are counted, and the oldest dropped.
    GRANT SELECT, INSERT, UPDATE, DELETE ON public.unreadable TO portraitd_service;

    -- Handlers' cursors move, and what could not be handled yet comes and goes.
    GRANT SELECT, INSERT, UPDATE ON public.subscriptions TO portraitd_service;
    GRANT SELECT, INSERT, UPDATE, DELETE ON public.deliveries TO portraitd_service;
    REVOKE EXECUTE ON FUNCTION public.portraitd_checkpoint FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION public.portraitd_checkpoint TO portraitd_service;

    -- How far reconciliation has come.
    GRANT SELECT, INSERT, UPDATE ON public.reconciliations TO portraitd_service;

    -- Who looked and who operated: read and add; when it was, the database says.
    GRANT SELECT, INSERT (who, action, target, details) ON public.access_log TO portraitd_service;

    -- When blocks of the log were received.
    GRANT SELECT, INSERT ON public.blocks TO portraitd_service;

    -- What was pruned, and how large the parts are. Only the owner may prune: it drops tables.
    GRANT SELECT ON public.anchors, public.pruning, public.span TO portraitd_service, portraitd_reader;

    -- To see whether the tables are the ones it knows.
    GRANT SELECT ON public._sqlx_migrations TO portraitd_service;

    -- The append itself runs with the service's rights; attaching the next partitions runs with the owner's.
    REVOKE EXECUTE ON FUNCTION public.portraitd_append FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION public.portraitd_append TO portraitd_service;
    GRANT EXECUTE ON FUNCTION public.portraitd_extend() TO portraitd_service;
    -- So does erasing a person: what else may be changed in the log, nobody may.
    GRANT EXECUTE ON FUNCTION public.portraitd_erase TO portraitd_service;

    -- Readers see everything that is received and where handlers are; that they looked is added to the access log.
    GRANT SELECT ON public.callbacks, public.profile_changes, public.profile_history, public.blocks, public.unreadable,
        public.subscriptions, public.deliveries, public._sqlx_migrations TO portraitd_reader;
    GRANT INSERT (who, action, target, details) ON public.access_log TO portraitd_reader;

    -- Auditors see who changed what, from what, to what, when.
    GRANT SELECT ON public.profile_history TO portraitd_auditor;
END
$$;
