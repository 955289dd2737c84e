INSERT INTO review_drafts (interaction_id, reviewer, draft)
VALUES (%(interaction_id)s, %(reviewer)s, %(draft)s::jsonb)
ON CONFLICT (interaction_id, reviewer) DO UPDATE SET draft = excluded.draft, saved_at = now()
