-- No DELETE, and not the columns that say that an event was published: such an event would be lost.
-- `outbox.add` waits for another transaction that adds the same event, by an UPDATE that changes nothing.
GRANT USAGE ON SCHEMA {schema} TO {role};
GRANT INSERT (event, validated_hash, due_at), SELECT (event_id, event, validated_hash),
    UPDATE (event, validated_hash) ON {outbox} TO {role};
