-- What is on the way each evening: an order that has arrived is no longer in the file.
SELECT
    po AS inbound_id,
    sku AS item_id,
    warehouse AS location_id,
    qty AS units,
    ordered AS ordered_on,
    due AS expected_on,
    _file, _file_version, _row, _known_day
FROM purchases
