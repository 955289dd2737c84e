-- Put events into the outbox of this database ({outbox}), as `outbox.add` does, to be published at once. `events` is a
-- JSON array of objects with the event and its hash in hex: as arrays of texts, drivers take much longer to send them.
INSERT INTO {outbox} (event, validated_hash, due_at)
SELECT made.event, decode(made.hash, 'hex'), NULL
FROM json_to_recordset(%(events)s::json) AS made (event text, hash text)
