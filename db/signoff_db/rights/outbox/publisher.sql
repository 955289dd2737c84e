-- No DELETE, no change of an event, and not the columns that say that it was published: the event would be lost.
-- `outbox.add` waits for another transaction that adds the same event, by an UPDATE of the hash, which it sets again.
GRANT USAGE ON SCHEMA {schema} TO {role};
GRANT INSERT (event, validated_hash, due_at), SELECT (event_id, event, validated_hash),
    UPDATE (validated_hash) ON {outbox} TO {role};
