-- There is no catalogue: an item is known from the day on which it sold, under that day's most usual clean description.
-- Titles are in capitals; notes of the stock room ("damaged", "?", "sold as set on dotcom") are not, or have no price.
SELECT
    StockCode AS item_id,
    mode(regexp_replace(trim(Description), ' +', ' '), true) AS title,
    median(try_cast(UnitPrice AS DOUBLE)) AS price,
    'GBP' AS currency,
    _file, _file_version, min(_row) AS _row, _known_day
FROM invoices
WHERE StockCode RLIKE '^([0-9]{5}|DCGS)'
  AND try_cast(UnitPrice AS DOUBLE) > 0
  AND try_cast(Quantity AS INT) > 0
  AND length(regexp_replace(Description, '[^A-Z]', '')) > greatest(2, length(regexp_replace(Description, '[^a-z]', '')))
GROUP BY StockCode, _file, _file_version, _known_day
