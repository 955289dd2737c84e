id, action, dry_run, state, actor, reason, selection, most_letters, rate, keep_going, letters, tried, left_out,
    effect, created_at, started_at, ended_at, message, stopped_by, of_operation,
    lease IS NOT NULL AND due_at > now() AS held
