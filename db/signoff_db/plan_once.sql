-- Plan each statement of this session once, with indexes, whatever the statistics are.
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off;
SET enable_memoize = off;
