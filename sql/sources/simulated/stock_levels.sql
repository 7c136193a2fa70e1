-- Counted in the evening, at the one warehouse.
SELECT SKU AS item_id, Warehouse AS location_id, Available AS on_hand, _file, _file_version, _row, _known_day
FROM stock
