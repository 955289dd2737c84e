-- All readers that keep their position here, or a copy of it.
SELECT name, position, is_copy, updated_at, failure, failing_since FROM feed_readers ORDER BY name
