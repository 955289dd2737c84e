-- Drafts of reviews that were decided long ago.
DELETE FROM review_drafts d USING reviews r
WHERE d.saved_at < now() - interval '30 days' AND r.interaction_id = d.interaction_id AND r.state <> 'pending'
