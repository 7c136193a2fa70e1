-- Shops lie in price zones: the chain's price of a brand in a week is the median of its shops'. The cost follows from
-- the gross margin, which the source gives in percent of the price.
WITH priced AS (
    SELECT
        brand,
        element_at(
            array(price1, price2, price3, price4, price5, price6, price7, price8, price9, price10, price11),
            try_cast(brand AS INT)
        ) AS price,
        try_cast(profit AS DOUBLE) / 100 AS margin,
        _file, _file_version, _row, _known_day
    FROM sales
)
SELECT
    brand AS item_id,
    date_add(_known_day, -6) AS valid_from,
    median(try_cast(price AS DOUBLE)) AS price,
    median(try_cast(price AS DOUBLE) * (1 - margin)) AS cost,
    'USD' AS currency,
    _file, _file_version, min(_row) AS _row, _known_day
FROM priced
GROUP BY brand, _file, _file_version, _known_day
