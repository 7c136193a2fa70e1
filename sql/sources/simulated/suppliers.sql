-- Terms by article, every Monday; some suppliers do not say how their lead times vary. They count from date to date, so
-- that the next morning is one day; the contract counts the days between, none.
SELECT
    supplier AS supplier_id,
    sku AS item_id,
    coalesce(CAST(try_cast(lead_days AS DECIMAL(9, 3)) - 1 AS STRING), lead_days) AS lead_time_days,
    lead_sd AS lead_time_sd_days,
    every_days AS review_days,
    pack AS pack_size,
    least AS minimum_order,
    _file, _file_version, _row, _known_day
FROM terms
