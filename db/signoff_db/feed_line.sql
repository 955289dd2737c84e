-- An event of the ledger `a` as a line of the feed: its id, its type and, if `contents` are wanted, its JSON,
-- with a space between. The JSON is that of the contract: fixed order of fields, nothing that is absent or
-- default. Only `cta_data` and `evidence` may have another order, that of jsonb. No line holds a line break: JSON
-- escapes it. The time zone must be UTC.
CASE WHEN contents THEN concat(a.event_id, ' ', a.event_type, ' {"event_id":"', a.event_id,
    '","occurred_at":',
    -- to_json writes ISO 8601 faster than to_char, but without zeros at the end of a fraction.
    CASE WHEN a.occurred_at::timestamptz(0) = a.occurred_at
        THEN left(to_json(a.occurred_at::timestamp)::text, -1)
        ELSE rpad(left(to_json(a.occurred_at::timestamp)::text, -1), 27, '0') END,
    'Z"',
    CASE WHEN a.event_type <> 'approval' THEN ',"event_type":"' || a.event_type || '"' END,
    ',"interaction_id":"' || a.interaction_id || '"',
    ',"user_id":' || to_json(a.user_id),
    ',"reviewer_id":' || to_json(a.reviewer_id),
    ',"final_bubbles":' || array_to_json(a.final_bubbles),
    CASE WHEN a.edit_tags <> '{}' THEN ',"edit_tags":' || array_to_json(a.edit_tags) END,
    ',"quality_score":' || a.quality_score,
    ',"reviewer_notes":' || to_json(a.reviewer_notes),
    ',"cta_data":' || a.cta_data::text,
    ',"customer_status":"' || a.customer_status || '"',
    ',"ltv_amount":"' || a.ltv_amount || '"',
    ',"decided_by":' || to_json(a.decided_by),
    ',"reason":' || to_json(a.reason),
    ',"evidence":' || a.evidence::text,
    ',"rests_on":"' || a.rests_on || '"',
    '}') ELSE concat(a.event_id, ' ', a.event_type, ' ') END
