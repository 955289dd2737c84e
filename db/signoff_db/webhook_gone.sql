-- Disable webhooks whose receivers answered that they are gone.
UPDATE webhooks SET disabled_at = now(), disabled_reason = %(reason)s
WHERE id = ANY(%(ids)s::bigint[]) AND disabled_at IS NULL
