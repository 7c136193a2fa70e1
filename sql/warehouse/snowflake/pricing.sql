-- pricing: a release's files into staging tables, then all of its tables at once
-- Generated from expectations/ by `python -m jobs warehouse-sql`; edit the contracts, not this file.
-- NOT EXECUTED HERE: this project has no Snowflake account; a test parses the statements in Snowflake's grammar.

CREATE SCHEMA IF NOT EXISTS pricing;

CREATE TABLE IF NOT EXISTS pricing.markdown_plan (
  "ITEM_ID" VARCHAR NOT NULL COMMENT 'what is to be cleared',
  "WEEK" DATE NOT NULL COMMENT 'first day of the week, the first one tomorrow [day local to the store]',
  "PRICE" DOUBLE NOT NULL COMMENT 'price planned for the week, never above the week before [currency per piece]',
  "CURRENT_PRICE" DOUBLE NOT NULL COMMENT 'price in force tomorrow if nothing is done [currency per piece]',
  "CURRENCY" VARCHAR NOT NULL COMMENT 'currency of all amounts of the row [ISO 4217]',
  "EXPECTED_UNITS" DOUBLE NOT NULL COMMENT 'pieces expected to sell in the week [pieces]',
  "EXPECTED_STOCK_LEFT" DOUBLE NOT NULL COMMENT 'pieces expected to be left at the end of the week [pieces]',
  "EXPECTED_REVENUE" DOUBLE NOT NULL COMMENT 'what the week is expected to take in [store''s currency]',
  "CLEARANCE_PROBABILITY" DOUBLE NOT NULL COMMENT 'probability that all of the stock is gone by the end of the plan; the same in all its weeks',
  "CLEAR_BY" DATE NOT NULL COMMENT 'last day of the plan [day local to the store]',
  "METHOD" VARCHAR NOT NULL COMMENT 'how it was planned - scenarios (stochastic dynamic programme) or fluid (for large stocks)',
  "REASON" VARCHAR NOT NULL COMMENT 'why the item is planned and what the plan is worth, for the person who approves it',
  "HELD_BY" VARCHAR COMMENT 'rule for which the coming week''s price is not in the change file tonight, by its key in guardrails.yml (decided - a person refused it lately or a decided price waits for its day); the same in all weeks of the plan, null where none holds it',
  "MODEL_VERSION" VARCHAR NOT NULL COMMENT 'content hash of the champion that the night used',
  "AS_OF" DATE NOT NULL COMMENT 'day for which the table was computed, from what was known by its end [day local to the store]',
  PRIMARY KEY ("AS_OF", "ITEM_ID", "WEEK")
) COMMENT = 'One row is an item to be cleared in a week to come, with the price to ask then if sales go as expected; planned anew every night.';

CREATE TABLE IF NOT EXISTS pricing.price_suggestions (
  "ITEM_ID" VARCHAR NOT NULL COMMENT 'what is priced, one price for everybody; the smallest unit that is sold',
  "CATEGORY" VARCHAR COMMENT 'path in the category tree, whose evidence stands in where the item''s own is thin',
  "CURRENT_PRICE" DOUBLE NOT NULL COMMENT 'price in force tomorrow if nothing is done, before promotions [currency per piece]',
  "SUGGESTED_PRICE" DOUBLE NOT NULL COMMENT 'price that the night suggests; the current one where it should stay [currency per piece]',
  "DESIRED_PRICE" DOUBLE NOT NULL COMMENT 'price that the evidence alone asks for, before the store''s guardrails [currency per piece]',
  "CURRENCY" VARCHAR NOT NULL COMMENT 'currency of all amounts of the row [ISO 4217]',
  "BOUND_BY" VARCHAR COMMENT 'guardrail without which the price would be another, by its key in guardrails.yml (clearance - the item has a markdown plan, which says what to ask); null where none held it',
  "ELASTICITY" DOUBLE COMMENT 'change of log units per change of log price; null without evidence',
  "ELASTICITY_LOW" DOUBLE COMMENT 'lower end of its 80% interval',
  "ELASTICITY_HIGH" DOUBLE COMMENT 'upper end of its 80% interval',
  "EVIDENCE" VARCHAR NOT NULL COMMENT 'own (the item''s own price changes), category (those of its category) or none (the price stays or explores, or is brought back to map_price or msrp)',
  "OBJECTIVE" VARCHAR NOT NULL COMMENT 'what was maximised - profit, or revenue where the store wants it or no cost is known (it then ranks among other changes by what it gains at its category''s usual share of cost)',
  "EXPECTED_UNITS_NOW" DOUBLE COMMENT 'units a week at the current price, promotions aside, in the mean of the coming four weeks of the year [pieces per week]',
  "EXPECTED_UNITS_SUGGESTED" DOUBLE COMMENT 'units a week at the suggested price [pieces per week]',
  "EXPECTED_UNITS_LOW" DOUBLE COMMENT 'lower end of the 80% interval of the expected rate at the suggested price - how surely the mean is known; what a week sells scatters more [pieces per week]',
  "EXPECTED_UNITS_HIGH" DOUBLE COMMENT 'upper end of the 80% interval of the expected rate at the suggested price - how surely the mean is known; what a week sells scatters more [pieces per week]',
  "EXPECTED_PROFIT_NOW" DOUBLE COMMENT 'profit a week at the current price, promotions aside; of revenue where that is the objective [store''s currency per week]',
  "EXPECTED_PROFIT_SUGGESTED" DOUBLE COMMENT 'profit a week at the suggested price [store''s currency per week]',
  "EXPECTED_PROFIT_LOW" DOUBLE COMMENT 'lower end of the 80% interval of the expected profit at the suggested price, of its mean as for units [store''s currency per week]',
  "EXPECTED_PROFIT_HIGH" DOUBLE COMMENT 'upper end of the 80% interval of the expected profit at the suggested price, of its mean as for units [store''s currency per week]',
  "EXPECTED_GAIN" DOUBLE COMMENT 'what the whole shop gains a week by this change, what neighbours win or lose included, shrunk to what such predictions came to [store''s currency per week]',
  "EXPECTED_GAIN_LOW" DOUBLE COMMENT 'lower quantile of that gain on which the decision rests [store''s currency per week]',
  "COST" DOUBLE COMMENT 'what a piece costs the store [currency per piece]',
  "COMPETITOR_PRICE" DOUBLE COMMENT 'median of the competitors'' prices that count tonight; null where none does [currency per piece]',
  "IS_EXPLORATION" BOOLEAN NOT NULL COMMENT 'true where the price was set by chance, to learn from',
  "PROPENSITY" DOUBLE NOT NULL COMMENT 'probability with which this item got this price tonight (a price that exploration gives is none among which was decided); 1 where chance had no part',
  "REASON" VARCHAR NOT NULL COMMENT 'a sentence for the person who approves it',
  "MODEL_VERSION" VARCHAR NOT NULL COMMENT 'content hash of the champion that the night used',
  "CROSS_NEST" DOUBLE COMMENT 'change of the item''s log units per change of the log price of its nest mates (variants of the same product) together, those that sell more counting more; near its category''s effect unless its own sales say otherwise, null where it has no such neighbours, none of them ever moved a price or elasticities do not count tonight',
  "CROSS_NEST_LOW" DOUBLE COMMENT 'lower end of its 80% interval',
  "CROSS_NEST_HIGH" DOUBLE COMMENT 'upper end of its 80% interval',
  "CROSS_REST" DOUBLE COMMENT 'change of the item''s log units per change of the log price of the rest of its category together, those that sell more counting more; near its category''s effect unless its own sales say otherwise, null where it has no such neighbours, none of them ever moved a price or elasticities do not count tonight',
  "CROSS_REST_LOW" DOUBLE COMMENT 'lower end of its 80% interval',
  "CROSS_REST_HIGH" DOUBLE COMMENT 'upper end of its 80% interval',
  "AS_OF" DATE NOT NULL COMMENT 'day for which the table was computed, from what was known by its end [day local to the store]',
  PRIMARY KEY ("AS_OF", "ITEM_ID")
) COMMENT = 'One row is an item tonight, with the price it has and the one suggested for tomorrow; suggestions are applied by a person or an ERP, never from here.';

CREATE TABLE IF NOT EXISTS pricing.promotion_effects (
  "SCOPE" VARCHAR NOT NULL COMMENT 'what the figure is about - all promotions, those of a category, or one campaign',
  "NAME" VARCHAR NOT NULL COMMENT 'category or number of the campaign; all for everything',
  "EFFECT" VARCHAR NOT NULL COMMENT 'lift (promoted items, during), cannibalisation (others of their category, during) or pull_forward (promoted items, in the weeks after)',
  "VALUE" DOUBLE NOT NULL COMMENT 'units over those expected without the promotion on its days, less one - 0.4 is 40% more, -0.1 a tenth fewer [share of expected units]',
  "LOW" DOUBLE COMMENT 'lower end of the 80% interval, by bootstrap over campaigns in a category; null with fewer than five of them [share of expected units]',
  "HIGH" DOUBLE COMMENT 'upper end of the 80% interval [share of expected units]',
  "UNITS" DOUBLE NOT NULL COMMENT 'units more (or fewer) than expected, over all weeks of the effect [pieces]',
  "CASES" NUMBER(19, 0) NOT NULL COMMENT 'items in a promotion that the figure rests on; for cannibalisation, other items of their categories in its weeks [count]',
  "MODEL_VERSION" VARCHAR NOT NULL COMMENT 'content hash of the champion that the night used',
  "AS_OF" DATE NOT NULL COMMENT 'day for which the table was computed, from what was known by its end [day local to the store]',
  PRIMARY KEY ("AS_OF", "SCOPE", "NAME", "EFFECT")
) COMMENT = 'One row is an effect of past promotions on sales - of one campaign, of a category''s campaigns, or of all.';

-- The release that <store>/pricing/current.json names. A stage's path takes no variable: write store,
-- day and release into the COPY statements too.
SET release = '<release>';
SET day = '<YYYY-MM-DD>';

CREATE OR REPLACE TEMPORARY TABLE pricing.markdown_plan_staged LIKE pricing.markdown_plan;

COPY INTO pricing.markdown_plan_staged ("ITEM_ID", "WEEK", "PRICE", "CURRENT_PRICE", "CURRENCY", "EXPECTED_UNITS", "EXPECTED_STOCK_LEFT", "EXPECTED_REVENUE", "CLEARANCE_PROBABILITY", "CLEAR_BY", "METHOD", "REASON", "HELD_BY", "MODEL_VERSION", "AS_OF")
FROM (
  SELECT
    $1:item_id::VARCHAR,
    $1:week::DATE,
    $1:price::DOUBLE,
    $1:current_price::DOUBLE,
    $1:currency::VARCHAR,
    $1:expected_units::DOUBLE,
    $1:expected_stock_left::DOUBLE,
    $1:expected_revenue::DOUBLE,
    $1:clearance_probability::DOUBLE,
    $1:clear_by::DATE,
    $1:method::VARCHAR,
    $1:reason::VARCHAR,
    $1:held_by::VARCHAR,
    $1:model_version::VARCHAR,
    $1:as_of::DATE
  FROM '@daybreak.published/<store>/pricing/markdown_plan/as_of=<YYYY-MM-DD>/release=<release>/'
)
FILE_FORMAT = (FORMAT_NAME = 'daybreak.parquet') ON_ERROR = ABORT_STATEMENT;

CREATE OR REPLACE TEMPORARY TABLE pricing.price_suggestions_staged LIKE pricing.price_suggestions;

COPY INTO pricing.price_suggestions_staged ("ITEM_ID", "CATEGORY", "CURRENT_PRICE", "SUGGESTED_PRICE", "DESIRED_PRICE", "CURRENCY", "BOUND_BY", "ELASTICITY", "ELASTICITY_LOW", "ELASTICITY_HIGH", "EVIDENCE", "OBJECTIVE", "EXPECTED_UNITS_NOW", "EXPECTED_UNITS_SUGGESTED", "EXPECTED_UNITS_LOW", "EXPECTED_UNITS_HIGH", "EXPECTED_PROFIT_NOW", "EXPECTED_PROFIT_SUGGESTED", "EXPECTED_PROFIT_LOW", "EXPECTED_PROFIT_HIGH", "EXPECTED_GAIN", "EXPECTED_GAIN_LOW", "COST", "COMPETITOR_PRICE", "IS_EXPLORATION", "PROPENSITY", "REASON", "MODEL_VERSION", "CROSS_NEST", "CROSS_NEST_LOW", "CROSS_NEST_HIGH", "CROSS_REST", "CROSS_REST_LOW", "CROSS_REST_HIGH", "AS_OF")
FROM (
  SELECT
    $1:item_id::VARCHAR,
    $1:category::VARCHAR,
    $1:current_price::DOUBLE,
    $1:suggested_price::DOUBLE,
    $1:desired_price::DOUBLE,
    $1:currency::VARCHAR,
    $1:bound_by::VARCHAR,
    $1:elasticity::DOUBLE,
    $1:elasticity_low::DOUBLE,
    $1:elasticity_high::DOUBLE,
    $1:evidence::VARCHAR,
    $1:objective::VARCHAR,
    $1:expected_units_now::DOUBLE,
    $1:expected_units_suggested::DOUBLE,
    $1:expected_units_low::DOUBLE,
    $1:expected_units_high::DOUBLE,
    $1:expected_profit_now::DOUBLE,
    $1:expected_profit_suggested::DOUBLE,
    $1:expected_profit_low::DOUBLE,
    $1:expected_profit_high::DOUBLE,
    $1:expected_gain::DOUBLE,
    $1:expected_gain_low::DOUBLE,
    $1:cost::DOUBLE,
    $1:competitor_price::DOUBLE,
    $1:is_exploration::BOOLEAN,
    $1:propensity::DOUBLE,
    $1:reason::VARCHAR,
    $1:model_version::VARCHAR,
    $1:cross_nest::DOUBLE,
    $1:cross_nest_low::DOUBLE,
    $1:cross_nest_high::DOUBLE,
    $1:cross_rest::DOUBLE,
    $1:cross_rest_low::DOUBLE,
    $1:cross_rest_high::DOUBLE,
    $1:as_of::DATE
  FROM '@daybreak.published/<store>/pricing/price_suggestions/as_of=<YYYY-MM-DD>/release=<release>/'
)
FILE_FORMAT = (FORMAT_NAME = 'daybreak.parquet') ON_ERROR = ABORT_STATEMENT;

CREATE OR REPLACE TEMPORARY TABLE pricing.promotion_effects_staged LIKE pricing.promotion_effects;

COPY INTO pricing.promotion_effects_staged ("SCOPE", "NAME", "EFFECT", "VALUE", "LOW", "HIGH", "UNITS", "CASES", "MODEL_VERSION", "AS_OF")
FROM (
  SELECT
    $1:scope::VARCHAR,
    $1:name::VARCHAR,
    $1:effect::VARCHAR,
    $1:value::DOUBLE,
    $1:low::DOUBLE,
    $1:high::DOUBLE,
    $1:units::DOUBLE,
    $1:cases::NUMBER(19, 0),
    $1:model_version::VARCHAR,
    $1:as_of::DATE
  FROM '@daybreak.published/<store>/pricing/promotion_effects/as_of=<YYYY-MM-DD>/release=<release>/'
)
FILE_FORMAT = (FORMAT_NAME = 'daybreak.parquet') ON_ERROR = ABORT_STATEMENT;

BEGIN;

DELETE FROM pricing.markdown_plan AS kept
WHERE kept."AS_OF" = $day::DATE AND NOT EXISTS (SELECT 1 FROM pricing.markdown_plan_staged AS staged WHERE staged."AS_OF" = kept."AS_OF" AND staged."ITEM_ID" = kept."ITEM_ID" AND staged."WEEK" = kept."WEEK");

MERGE INTO pricing.markdown_plan AS kept
USING pricing.markdown_plan_staged AS staged
ON kept."AS_OF" = staged."AS_OF" AND kept."ITEM_ID" = staged."ITEM_ID" AND kept."WEEK" = staged."WEEK"
WHEN MATCHED THEN UPDATE SET kept."PRICE" = staged."PRICE", kept."CURRENT_PRICE" = staged."CURRENT_PRICE", kept."CURRENCY" = staged."CURRENCY", kept."EXPECTED_UNITS" = staged."EXPECTED_UNITS", kept."EXPECTED_STOCK_LEFT" = staged."EXPECTED_STOCK_LEFT", kept."EXPECTED_REVENUE" = staged."EXPECTED_REVENUE", kept."CLEARANCE_PROBABILITY" = staged."CLEARANCE_PROBABILITY", kept."CLEAR_BY" = staged."CLEAR_BY", kept."METHOD" = staged."METHOD", kept."REASON" = staged."REASON", kept."HELD_BY" = staged."HELD_BY", kept."MODEL_VERSION" = staged."MODEL_VERSION"
WHEN NOT MATCHED THEN INSERT ("ITEM_ID", "WEEK", "PRICE", "CURRENT_PRICE", "CURRENCY", "EXPECTED_UNITS", "EXPECTED_STOCK_LEFT", "EXPECTED_REVENUE", "CLEARANCE_PROBABILITY", "CLEAR_BY", "METHOD", "REASON", "HELD_BY", "MODEL_VERSION", "AS_OF") VALUES (staged."ITEM_ID", staged."WEEK", staged."PRICE", staged."CURRENT_PRICE", staged."CURRENCY", staged."EXPECTED_UNITS", staged."EXPECTED_STOCK_LEFT", staged."EXPECTED_REVENUE", staged."CLEARANCE_PROBABILITY", staged."CLEAR_BY", staged."METHOD", staged."REASON", staged."HELD_BY", staged."MODEL_VERSION", staged."AS_OF");

DELETE FROM pricing.price_suggestions AS kept
WHERE kept."AS_OF" = $day::DATE AND NOT EXISTS (SELECT 1 FROM pricing.price_suggestions_staged AS staged WHERE staged."AS_OF" = kept."AS_OF" AND staged."ITEM_ID" = kept."ITEM_ID");

MERGE INTO pricing.price_suggestions AS kept
USING pricing.price_suggestions_staged AS staged
ON kept."AS_OF" = staged."AS_OF" AND kept."ITEM_ID" = staged."ITEM_ID"
WHEN MATCHED THEN UPDATE SET kept."CATEGORY" = staged."CATEGORY", kept."CURRENT_PRICE" = staged."CURRENT_PRICE", kept."SUGGESTED_PRICE" = staged."SUGGESTED_PRICE", kept."DESIRED_PRICE" = staged."DESIRED_PRICE", kept."CURRENCY" = staged."CURRENCY", kept."BOUND_BY" = staged."BOUND_BY", kept."ELASTICITY" = staged."ELASTICITY", kept."ELASTICITY_LOW" = staged."ELASTICITY_LOW", kept."ELASTICITY_HIGH" = staged."ELASTICITY_HIGH", kept."EVIDENCE" = staged."EVIDENCE", kept."OBJECTIVE" = staged."OBJECTIVE", kept."EXPECTED_UNITS_NOW" = staged."EXPECTED_UNITS_NOW", kept."EXPECTED_UNITS_SUGGESTED" = staged."EXPECTED_UNITS_SUGGESTED", kept."EXPECTED_UNITS_LOW" = staged."EXPECTED_UNITS_LOW", kept."EXPECTED_UNITS_HIGH" = staged."EXPECTED_UNITS_HIGH", kept."EXPECTED_PROFIT_NOW" = staged."EXPECTED_PROFIT_NOW", kept."EXPECTED_PROFIT_SUGGESTED" = staged."EXPECTED_PROFIT_SUGGESTED", kept."EXPECTED_PROFIT_LOW" = staged."EXPECTED_PROFIT_LOW", kept."EXPECTED_PROFIT_HIGH" = staged."EXPECTED_PROFIT_HIGH", kept."EXPECTED_GAIN" = staged."EXPECTED_GAIN", kept."EXPECTED_GAIN_LOW" = staged."EXPECTED_GAIN_LOW", kept."COST" = staged."COST", kept."COMPETITOR_PRICE" = staged."COMPETITOR_PRICE", kept."IS_EXPLORATION" = staged."IS_EXPLORATION", kept."PROPENSITY" = staged."PROPENSITY", kept."REASON" = staged."REASON", kept."MODEL_VERSION" = staged."MODEL_VERSION", kept."CROSS_NEST" = staged."CROSS_NEST", kept."CROSS_NEST_LOW" = staged."CROSS_NEST_LOW", kept."CROSS_NEST_HIGH" = staged."CROSS_NEST_HIGH", kept."CROSS_REST" = staged."CROSS_REST", kept."CROSS_REST_LOW" = staged."CROSS_REST_LOW", kept."CROSS_REST_HIGH" = staged."CROSS_REST_HIGH"
WHEN NOT MATCHED THEN INSERT ("ITEM_ID", "CATEGORY", "CURRENT_PRICE", "SUGGESTED_PRICE", "DESIRED_PRICE", "CURRENCY", "BOUND_BY", "ELASTICITY", "ELASTICITY_LOW", "ELASTICITY_HIGH", "EVIDENCE", "OBJECTIVE", "EXPECTED_UNITS_NOW", "EXPECTED_UNITS_SUGGESTED", "EXPECTED_UNITS_LOW", "EXPECTED_UNITS_HIGH", "EXPECTED_PROFIT_NOW", "EXPECTED_PROFIT_SUGGESTED", "EXPECTED_PROFIT_LOW", "EXPECTED_PROFIT_HIGH", "EXPECTED_GAIN", "EXPECTED_GAIN_LOW", "COST", "COMPETITOR_PRICE", "IS_EXPLORATION", "PROPENSITY", "REASON", "MODEL_VERSION", "CROSS_NEST", "CROSS_NEST_LOW", "CROSS_NEST_HIGH", "CROSS_REST", "CROSS_REST_LOW", "CROSS_REST_HIGH", "AS_OF") VALUES (staged."ITEM_ID", staged."CATEGORY", staged."CURRENT_PRICE", staged."SUGGESTED_PRICE", staged."DESIRED_PRICE", staged."CURRENCY", staged."BOUND_BY", staged."ELASTICITY", staged."ELASTICITY_LOW", staged."ELASTICITY_HIGH", staged."EVIDENCE", staged."OBJECTIVE", staged."EXPECTED_UNITS_NOW", staged."EXPECTED_UNITS_SUGGESTED", staged."EXPECTED_UNITS_LOW", staged."EXPECTED_UNITS_HIGH", staged."EXPECTED_PROFIT_NOW", staged."EXPECTED_PROFIT_SUGGESTED", staged."EXPECTED_PROFIT_LOW", staged."EXPECTED_PROFIT_HIGH", staged."EXPECTED_GAIN", staged."EXPECTED_GAIN_LOW", staged."COST", staged."COMPETITOR_PRICE", staged."IS_EXPLORATION", staged."PROPENSITY", staged."REASON", staged."MODEL_VERSION", staged."CROSS_NEST", staged."CROSS_NEST_LOW", staged."CROSS_NEST_HIGH", staged."CROSS_REST", staged."CROSS_REST_LOW", staged."CROSS_REST_HIGH", staged."AS_OF");

DELETE FROM pricing.promotion_effects AS kept
WHERE kept."AS_OF" = $day::DATE AND NOT EXISTS (SELECT 1 FROM pricing.promotion_effects_staged AS staged WHERE staged."AS_OF" = kept."AS_OF" AND staged."SCOPE" = kept."SCOPE" AND staged."NAME" = kept."NAME" AND staged."EFFECT" = kept."EFFECT");

MERGE INTO pricing.promotion_effects AS kept
USING pricing.promotion_effects_staged AS staged
ON kept."AS_OF" = staged."AS_OF" AND kept."SCOPE" = staged."SCOPE" AND kept."NAME" = staged."NAME" AND kept."EFFECT" = staged."EFFECT"
WHEN MATCHED THEN UPDATE SET kept."VALUE" = staged."VALUE", kept."LOW" = staged."LOW", kept."HIGH" = staged."HIGH", kept."UNITS" = staged."UNITS", kept."CASES" = staged."CASES", kept."MODEL_VERSION" = staged."MODEL_VERSION"
WHEN NOT MATCHED THEN INSERT ("SCOPE", "NAME", "EFFECT", "VALUE", "LOW", "HIGH", "UNITS", "CASES", "MODEL_VERSION", "AS_OF") VALUES (staged."SCOPE", staged."NAME", staged."EFFECT", staged."VALUE", staged."LOW", staged."HIGH", staged."UNITS", staged."CASES", staged."MODEL_VERSION", staged."AS_OF");

UPDATE daybreak.releases SET state = IFF(as_of = $day::DATE, 'replaced', 'loaded')
WHERE product = 'pricing' AND (state = 'current' OR as_of = $day::DATE);

MERGE INTO daybreak.releases AS known
USING (SELECT 'pricing' AS product, $release AS release, $day::DATE AS as_of, (SELECT COUNT(*) FROM pricing.markdown_plan WHERE "AS_OF" = $day::DATE) + (SELECT COUNT(*) FROM pricing.price_suggestions WHERE "AS_OF" = $day::DATE) + (SELECT COUNT(*) FROM pricing.promotion_effects WHERE "AS_OF" = $day::DATE) AS rows_loaded) AS new
ON known.product = new.product AND known.release = new.release
WHEN MATCHED THEN UPDATE SET known.state = 'current', known.loaded_at = CURRENT_TIMESTAMP()
WHEN NOT MATCHED THEN INSERT (product, release, as_of, rows_loaded, loaded_at, state)
VALUES (new.product, new.release, new.as_of, new.rows_loaded, CURRENT_TIMESTAMP(), 'current');

COMMIT;

CREATE OR REPLACE VIEW pricing.markdown_plan_current AS
SELECT * FROM pricing.markdown_plan WHERE "AS_OF" = (SELECT as_of FROM daybreak.releases WHERE product = 'pricing' AND state = 'current');

CREATE OR REPLACE VIEW pricing.price_suggestions_current AS
SELECT * FROM pricing.price_suggestions WHERE "AS_OF" = (SELECT as_of FROM daybreak.releases WHERE product = 'pricing' AND state = 'current');

CREATE OR REPLACE VIEW pricing.promotion_effects_current AS
SELECT * FROM pricing.promotion_effects WHERE "AS_OF" = (SELECT as_of FROM daybreak.releases WHERE product = 'pricing' AND state = 'current');
