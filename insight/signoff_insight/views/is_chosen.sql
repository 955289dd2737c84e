-- Whether the customer of `f` (customer_facts) is one of those asked for, by what was known at its first approval.
(
    (%(cohort_begins)s::timestamptz IS NULL
        OR f.first_event_at >= %(cohort_begins)s::timestamptz AND f.first_event_at < %(cohort_ends)s::timestamptz)
    AND (%(reviewer)s::text IS NULL OR f.first_reviewer_id = %(reviewer)s::text)
    AND (%(tag_bit)s::integer IS NULL OR f.first_tags & %(tag_bit)s::integer <> 0)
)
