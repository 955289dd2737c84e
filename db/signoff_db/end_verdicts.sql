-- Undo begin_verdicts.sql.
UNLISTEN signoff_settled;
RESET plan_cache_mode;
RESET enable_seqscan;
RESET enable_memoize;
