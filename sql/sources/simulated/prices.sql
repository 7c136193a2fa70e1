-- Prices before promotions, from the day on which they changed.
SELECT sku AS item_id, valid_from, price, cost, currency, _file, _file_version, _row, _known_day
FROM price_changes
