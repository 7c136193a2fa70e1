-- Told on Mondays, with the day on which each return came in.
SELECT
    RetourNr AS return_id,
    SKU AS item_id,
    Warehouse AS location_id,
    Date AS returned_on,
    Qty AS units,
    OrderNo AS order_id,
    State <> 'defect' AS is_sellable,
    nullif(Why, '') AS reason,
    _file, _file_version, _row, _known_day
FROM retours
