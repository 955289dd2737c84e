-- An event of the ledger as a line of the feed: its id, its type, and its JSON.
SELECT {feed_line}
FROM approvals a
CROSS JOIN (SELECT true AS contents) AS wanted
WHERE a.event_id = %(event_id)s
