-- The feed: the applied events in an order that readers can follow (feed.py).

-- Which transaction applied the event. Rows from before this migration have none. From the second epoch on
-- (signoff_begin_feed_epoch), the base of the epoch is added, so that the order never goes back.
ALTER TABLE approvals ADD COLUMN applied_in xid8;
ALTER TABLE approvals ALTER COLUMN applied_in SET DEFAULT pg_current_xact_id();

COMMENT ON COLUMN approvals.applied_in IS
    'The transaction that applied the event; together with event_id its place in the feed';

-- Batches write their rows in this order, so it grows at its end. There are no duplicates to look for.
CREATE INDEX approvals_in_feed_order ON approvals (applied_in, event_id) WITH (deduplicate_items = off);

-- An epoch is the time in which transaction ids only grow. Another one begins after the tables were restored
-- from a dump: the ids of the server may be smaller by then.
CREATE TABLE feed_epochs (
    epoch smallint PRIMARY KEY,
    -- Part of each position. A dump that is restored twice gets two ids.
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    started_at timestamptz NOT NULL DEFAULT now(),
    -- What differs where the row was not written here, but restored from a dump.
    written_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
    written_to oid NOT NULL
);

-- Partitions that were detached, and the highest applied_in of their events: these are in no feed any more.
CREATE TABLE feed_detachments (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partition text NOT NULL,
    detached_at timestamptz NOT NULL DEFAULT now(),
    newest xid8
);

-- Every session that applies events, and every reader of the feed, looks at these.
GRANT SELECT ON feed_epochs, feed_detachments TO PUBLIC;

{feed_readers_table};

-- What is added to the server's transaction ids in an epoch: it is larger than any of the epochs before.
CREATE FUNCTION signoff_feed_base() RETURNS bigint
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT (max(epoch) - 1)::bigint << 48 FROM feed_epochs
$$;

-- `signoff migrate` calls it: once for a new installation, and after each restore from a dump.
CREATE FUNCTION signoff_begin_feed_epoch() RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    LOCK TABLE approvals IN ACCESS EXCLUSIVE MODE;
    INSERT INTO feed_epochs (epoch, written_to)
    SELECT coalesce(max(epoch), 0) + 1, 'feed_epochs'::regclass FROM feed_epochs;
    IF signoff_feed_base() > 0 THEN
        EXECUTE format('ALTER TABLE approvals ALTER COLUMN applied_in'
            ' SET DEFAULT (pg_current_xact_id()::text::bigint + %s)::text::xid8', signoff_feed_base());
    END IF;
END
$$;

SELECT signoff_begin_feed_epoch();

-- The present snapshot, in terms of applied_in. The transaction that asks counts as in progress: it may apply
-- events later.
CREATE FUNCTION signoff_feed_snapshot() RETURNS pg_snapshot
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
DECLARE
    base CONSTANT bigint := signoff_feed_base();
    present CONSTANT pg_snapshot := pg_current_snapshot();
    own CONSTANT xid8 := pg_current_xact_id_if_assigned();
    running numeric[];
    ending numeric := pg_snapshot_xmax(present)::text;
BEGIN
    IF base = 0 AND own IS NULL THEN
        RETURN present;
    END IF;
    running := ARRAY(
        SELECT DISTINCT xid::text::numeric FROM (
            SELECT pg_snapshot_xip(present) UNION ALL SELECT own WHERE own < pg_snapshot_xmax(present)
        ) AS running_now (xid)
        ORDER BY 1);
    RETURN format('%s:%s:%s', coalesce(running[1], ending) + base, ending + base,
        (SELECT string_agg((xid + base)::text, ',' ORDER BY xid) FROM unnest(running) AS xid));
END
$$;

-- Whether the tables were restored from a dump since the newest epoch began. The row of the epoch notes its
-- transaction and its table. In a restored row, these differ from the real ones. A copy of the data files
-- (a standby, pg_upgrade, a template database) keeps both, and the server's transaction ids too. Where only the
-- ledger's rows were restored, some may have transactions that this server has not reached.
CREATE FUNCTION signoff_is_restored() RETURNS boolean
LANGUAGE sql STABLE SET search_path FROM CURRENT SET enable_seqscan = off AS $$
    SELECT coalesce((
        SELECT e.xmin::text::numeric <> e.written_in::text::numeric % 4294967296
            OR e.written_to <> 'feed_epochs'::regclass::oid
        FROM feed_epochs e ORDER BY e.epoch DESC LIMIT 1), true)
    OR EXISTS (
        SELECT FROM approvals
        WHERE applied_in >= pg_snapshot_xmax(signoff_feed_snapshot())
            -- The transaction that asks may have applied events itself.
            AND applied_in::text::numeric
                IS DISTINCT FROM pg_current_xact_id_if_assigned()::text::numeric + signoff_feed_base())
$$;

-- A ledger in partitions: its index, and a note of what was detached. The functions of
-- 0008.ledger_partitions.sql are extended as they stand.
DO $$
DECLARE
    partitioning CONSTANT text := pg_get_functiondef('signoff_partition_ledger(timestamptz)'::regprocedure);
    detaching CONSTANT text := pg_get_functiondef('signoff_detach_oldest_partition()'::regprocedure);
    old_index CONSTANT text := 'ALTER INDEX approvals_of_interaction RENAME TO approvals_first_of_interaction;';
    new_index CONSTANT text := 'CREATE INDEX approvals_of_interaction ON approvals (interaction_id);';
    detached CONSTANT text := 'DELETE FROM approval_ids WHERE occurred_at < horizon;';
BEGIN
    EXECUTE replace(replace(partitioning,
        old_index, old_index || ' ALTER INDEX approvals_in_feed_order RENAME TO approvals_first_in_feed_order;'),
        new_index, new_index || ' CREATE INDEX approvals_in_feed_order ON approvals (applied_in, event_id)'
            ' WITH (deduplicate_items = off);');
    EXECUTE replace(detaching, detached, detached
        || ' EXECUTE format(''INSERT INTO feed_detachments (partition, newest) SELECT %L, max(applied_in) FROM %s'','
        || ' oldest, oldest);');
END
$$;
