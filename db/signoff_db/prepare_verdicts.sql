-- Prepare `verdicts_of_events.sql` under the name `signoff_verdicts`. It is planned once, with indexes, whatever the
-- statistics are: planning it takes longer than running it.
LISTEN signoff_settled;
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off;
SET enable_memoize = off;
PREPARE signoff_verdicts (uuid[], bytea) AS
{verdicts_of_events}
