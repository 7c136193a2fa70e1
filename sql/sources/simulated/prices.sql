-- Prices before promotions, from the day on which they change: a new price is told ten days before, a new cost on the day.
SELECT sku AS item_id, valid_from, price, cost, currency, _file, _file_version, _row, _known_day
FROM price_changes
