-- Undo prepare_verdicts.sql.
UNLISTEN signoff_settled;
DEALLOCATE signoff_verdicts;
RESET plan_cache_mode;
RESET enable_seqscan;
RESET enable_memoize;
