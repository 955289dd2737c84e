-- Hear of lone approvals when they are committed. Plan `verdicts_of_events.sql` once, with indexes, whatever the
-- statistics are: planning it takes longer than running it.
LISTEN signoff_settled;
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off;
SET enable_memoize = off;
