-- Pages of the feed (feed.py): a row for each transaction, not for each event. Postgres and the reader take
-- several microseconds for each row and column; a line of text takes them less than one.
--
-- `transaction`  text     its applied_in; empty for events that were applied before there was a feed
-- `applied_at`   bytea    when each event was applied: microseconds since 2000, 8 bytes each
-- `lines`        text     a line for each event (feed_line.sql), in the order of event_id
-- `events`       integer  how many
--
-- The settings keep the planner on the index, whatever it believes of the tables, and the lines in the order in
-- which the index gives them. The plans are generic, so a condition of the index must hold for any position.

-- A database that was migrated before has other ones.
DROP FUNCTION IF EXISTS signoff_feed_page(pg_snapshot, pg_snapshot, xid8, uuid, text, integer, boolean);
DROP FUNCTION IF EXISTS signoff_feed_history(uuid, text, integer, boolean);

-- One page of the feed: events that are visible in the snapshot `target` and not in `done`, behind the last
-- one that was read, in the order of (applied_in, event_id).
CREATE FUNCTION signoff_feed_page(
    done pg_snapshot, target pg_snapshot, last_in xid8, last_event uuid, most integer, contents boolean
) RETURNS TABLE (transaction text, applied_at bytea, lines text, events integer)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashagg = off SET jit = off
SET plan_cache_mode = force_generic_plan SET timezone = 'UTC' AS $$
#variable_conflict use_column
DECLARE
    running xid8;
    since CONSTANT xid8 := greatest(pg_snapshot_xmax(done), last_in);
    -- The lowest id; an event may have it.
    since_event CONSTANT uuid := CASE WHEN last_in = since THEN last_event
        ELSE '00000000-0000-0000-0000-000000000000' END;
    missing integer := most;
BEGIN
    -- Transactions that were in progress in `done`. All others that are not visible in it began later.
    FOR running IN
        SELECT xid FROM pg_snapshot_xip(done) AS xid
        WHERE pg_visible_in_snapshot(xid, target) AND (last_in IS NULL OR xid >= last_in)
        ORDER BY xid
    LOOP
        SELECT running::text, {feed_transaction} INTO transaction, applied_at, lines, events
        FROM (
            SELECT a.applied_at, {feed_line} AS line
            FROM approvals a
            WHERE a.applied_in = running
                AND a.event_id >= CASE WHEN running = last_in THEN last_event ELSE '00000000-0000-0000-0000-000000000000' END
                AND (last_in IS NULL OR (running, a.event_id) <> (last_in, last_event))
            ORDER BY a.applied_in, a.event_id
            LIMIT missing
        ) AS event
        HAVING count(*) > 0;
        CONTINUE WHEN NOT FOUND;
        RETURN NEXT;
        missing := missing - events;
        EXIT WHEN missing = 0;
    END LOOP;
    RETURN QUERY
    SELECT event.applied_in::text, {feed_transaction}
    FROM (
        SELECT a.applied_in, a.applied_at, {feed_line} AS line
        FROM approvals a
        WHERE (a.applied_in, a.event_id) >= (since, since_event)
            AND (last_in IS NULL OR (a.applied_in, a.event_id) <> (last_in, last_event))
            AND a.applied_in < pg_snapshot_xmax(target)
            AND pg_visible_in_snapshot(a.applied_in, target)
        ORDER BY a.applied_in, a.event_id
        LIMIT missing
    ) AS event
    GROUP BY event.applied_in
    ORDER BY event.applied_in;
END
$$;

-- One page of the events that were applied before there was a feed.
CREATE FUNCTION signoff_feed_history(last_event uuid, most integer, contents boolean)
RETURNS TABLE (transaction text, applied_at bytea, lines text, events integer)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashagg = off SET jit = off
SET plan_cache_mode = force_generic_plan SET timezone = 'UTC' AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT '', {feed_transaction}
    FROM (
        SELECT a.applied_at, {feed_line} AS line
        FROM approvals a
        WHERE a.applied_in IS NULL AND a.event_id >= coalesce(last_event, '00000000-0000-0000-0000-000000000000')
            AND a.event_id IS DISTINCT FROM last_event
        ORDER BY a.applied_in, a.event_id
        LIMIT most
    ) AS event
    HAVING count(*) > 0;
END
$$;
