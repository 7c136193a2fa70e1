-- A brand is on promotion in a week where most shops ran a deal for it (a coupon or a bonus buy), featured where most
-- advertised it. What was taken off is in the price already, so the depth is 0.
SELECT
    concat(week, '-', brand) AS promotion_id,
    brand AS item_id,
    date_add(_known_day, -6) AS starts_on,
    _known_day AS ends_on,
    0 AS depth,
    avg(try_cast(feat AS DOUBLE)) > 0.5 AS is_featured,
    _file, _file_version, min(_row) AS _row, _known_day
FROM sales
GROUP BY week, brand, _file, _file_version, _known_day
HAVING avg(try_cast(deal AS DOUBLE)) > 0.5 OR avg(try_cast(feat AS DOUBLE)) > 0.5
