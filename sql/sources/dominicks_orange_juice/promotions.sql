-- A brand is on promotion in a week where most shops ran a deal for it (a coupon or a bonus buy), featured where most
-- advertised it: a row each. What was taken off is in the price already, so the depth is 0.
WITH chain AS (
    SELECT
        week, brand, avg(try_cast(deal AS DOUBLE)) AS deal,
        -- A brand is several articles: the source gives the share of them that was advertised.
        avg(CAST(try_cast(feat AS DOUBLE) > 0 AS INT)) AS feature,
        _file, _file_version, min(_row) AS _row, _known_day
    FROM sales
    GROUP BY week, brand, _file, _file_version, _known_day
),
kinds AS (SELECT *, explode(map('deal', deal, 'feature', feature)) AS (kind, share) FROM chain)
SELECT
    concat_ws('-', week, brand, kind) AS promotion_id,
    brand AS item_id,
    date_add(_known_day, -6) AS starts_on,
    _known_day AS ends_on,
    0 AS depth,
    kind = 'feature' AS is_featured,
    _file, _file_version, _row, _known_day
FROM kinds
WHERE share > 0.5
