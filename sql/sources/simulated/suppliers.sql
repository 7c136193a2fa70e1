-- Terms by article, every Monday; some suppliers do not say how their lead times vary.
SELECT
    supplier AS supplier_id,
    sku AS item_id,
    lead_days AS lead_time_days,
    lead_sd AS lead_time_sd_days,
    every_days AS review_days,
    pack AS pack_size,
    least AS minimum_order,
    _file, _file_version, _row, _known_day
FROM terms
