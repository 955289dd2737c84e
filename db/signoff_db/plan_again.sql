-- Undo plan_once.sql.
RESET plan_cache_mode;
RESET enable_seqscan;
RESET enable_memoize;
