-- An audit as `signoff_db.audits.stored.StoredAudit` has it.
id, state, requested_by, requested_at, started_at, ended_at, clean, report, message
