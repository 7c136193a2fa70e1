-- The log has no event number; the place in its file is one. user_id is known on all of a shopper's visits.
SELECT
    concat(_file, ':', _row) AS event_id,
    event_time AS event_at,
    CASE event_type WHEN 'remove_from_cart' THEN 'remove' ELSE event_type END AS event_type,
    user_id AS visitor_id,
    user_id AS customer_id,
    user_session AS session_id,
    product_id AS item_id,
    price,
    _file, _file_version, _row, _known_day
FROM clicks
