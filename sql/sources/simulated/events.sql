-- The tracker's names become the contract's; a type that it does not know goes through and is refused there.
SELECT
    eid AS event_id,
    ts AS event_at,
    CASE type
        WHEN 'pageview' THEN 'view'
        WHEN 'add_to_cart' THEN 'cart'
        WHEN 'remove_from_cart' THEN 'remove'
        ELSE type
    END AS event_type,
    vid AS visitor_id,
    uid AS customer_id,
    sid AS session_id,
    sku AS item_id,
    q AS query,
    price,
    nullif(rel, 'house') AS release,  -- the shop's own lists come from no release of ours
    slot AS placement,
    pos AS rank,
    p AS propensity,
    coalesce(vid, '') LIKE 'qa-%' AS is_test,
    _file, _file_version, _row, _known_day
FROM clicks
