-- Disable for a reason, or enable: then it begins anew at this moment.
UPDATE webhooks
SET disabled_at = CASE WHEN %(reason)s::text IS NULL THEN NULL ELSE coalesce(disabled_at, now()) END,
    disabled_reason = CASE WHEN %(reason)s::text IS NULL THEN NULL ELSE coalesce(disabled_reason, %(reason)s) END,
    begins_at = CASE WHEN %(reason)s::text IS NULL AND disabled_at IS NOT NULL THEN clock_timestamp()
        ELSE begins_at END
WHERE name = %(name)s
RETURNING id
