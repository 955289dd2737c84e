-- Whether the customer of `s`, a row of a table of facts that holds the customer's first tags, is one of those asked for.
(
    (%(tag_bit)s::integer IS NULL OR s.first_tags & %(tag_bit)s::integer <> 0)
    AND {customer_is_chosen}
)
