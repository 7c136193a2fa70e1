-- There is no catalogue: an item is as the day's last event on it says; the category path is written with dots.
SELECT
    product_id AS item_id,
    nullif(replace(max_by(category_code, _row), '.', ' > '), '') AS category,
    nullif(max_by(brand, _row), '') AS brand,
    max_by(price, _row) AS price,
    'USD' AS currency,
    _file, _file_version, max(_row) AS _row, _known_day
FROM clicks
WHERE try_cast(price AS DOUBLE) > 0
GROUP BY product_id, _file, _file_version, _known_day
