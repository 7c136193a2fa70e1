-- Days as the shop writes them (31/12/2025), depth in percent.
SELECT
    promo_id AS promotion_id,
    sku AS item_id,
    regexp_replace(`from`, '^([0-9]{2})/([0-9]{2})/([0-9]{4})$', '$3-$2-$1') AS starts_on,
    regexp_replace(`to`, '^([0-9]{2})/([0-9]{2})/([0-9]{4})$', '$3-$2-$1') AS ends_on,
    try_cast(discount_pct AS DOUBLE) / 100 AS depth,
    featured = 'yes' AS is_featured,
    _file, _file_version, _row, _known_day
FROM campaigns
