-- What a page of the feed says of one transaction; see migration 0017.
coalesce(applied_in::text, ''), string_agg(timestamptz_send(applied_at), ''), string_agg(line, E'\n'),
count(*)::integer
