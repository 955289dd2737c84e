-- Whether a letter's message, in any case, or its payload, byte for byte, contains `text`; put in for
-- `{holds_text}`.
(%(text)s::text IS NULL OR strpos(lower(message), lower(%(text)s)) > 0
    OR position(%(text_bytes)s::bytea IN payload) > 0)
