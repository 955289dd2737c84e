-- What a page of the feed says of the events of one transaction; see migration 0019.
string_agg(timestamptz_send(applied_at), ''), string_agg(line, E'\n'), count(*)::integer
