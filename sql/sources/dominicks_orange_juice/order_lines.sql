-- One "order" is a shop's week, its lines are the brands. It is dated on the week's last day, when its sums are known.
SELECT
    concat(store, '-', week) AS order_id,
    brand AS line_number,
    concat(_known_day, ' 12:00:00') AS ordered_at,
    brand AS item_id,
    round(exp(try_cast(logmove AS DOUBLE))) AS units,
    element_at(
        array(price1, price2, price3, price4, price5, price6, price7, price8, price9, price10, price11),
        try_cast(brand AS INT)
    ) AS price,
    'US' AS country,
    concat('shop ', store) AS location_id,
    _file, _file_version, _row, _known_day
FROM sales
