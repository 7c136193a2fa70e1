-- A purchase is logged item by item and without an order number: what one session buys in the same second is one order.
SELECT
    concat(user_session, '/', event_time) AS order_id,
    row_number() OVER (PARTITION BY user_session, event_time, _file, _file_version ORDER BY _row) AS line_number,
    event_time AS ordered_at,
    user_id AS customer_id,
    product_id AS item_id,
    1 AS units,
    price,
    'USD' AS currency,
    _file, _file_version, _row, _known_day
FROM clicks
WHERE event_type = 'purchase'
