-- Undo prepare_verdicts.sql.
DEALLOCATE signoff_verdicts;
RESET plan_cache_mode;
RESET enable_seqscan;
RESET enable_memoize;
