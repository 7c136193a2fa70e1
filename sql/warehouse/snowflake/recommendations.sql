-- recommendations: a release's files into staging tables, then all of its tables at once
-- Generated from expectations/ by `python -m jobs warehouse-sql`; edit the contracts, not this file.
-- NOT EXECUTED HERE: this project has no Snowflake account; a test parses the statements in Snowflake's grammar.

CREATE SCHEMA IF NOT EXISTS recommendations;

CREATE TABLE IF NOT EXISTS recommendations.evaluation (
  "SPLIT" VARCHAR NOT NULL COMMENT 'what was measured on - all buyers, personal (who has a list of their own), discovery, cold (newcomers, who neither have one nor had ordered), again (bought again, by lists of nothing else), repeat (the same by lists of anything), only looked, without consent, kinds of items, groups of customers as name=value, newcomers served by country, sources, configurations, deciles of scores, or lists re-ranked by one weight alone',
  "LIST" VARCHAR NOT NULL COMMENT 'whose lists - the model''s (model), those of a baseline, or what was really bought (bought)',
  "MEASURE" VARCHAR NOT NULL COMMENT 'what was measured, the number of places after @; model_ratio is NDCG@10 of the model over that of this list, quality_ratio that of the group over all customers with history, exposure_ratio the share of the places that a group of items has over its share of what was bought, alarm 1 where one of these two is below DAYBREAK_FAIRNESS_THRESHOLD beyond chance, ndcg_ratio that of the re-ranked lists over the plain ones',
  "VALUE" DOUBLE NOT NULL COMMENT 'the figure - a mean over customers unless the measure belongs to the whole set of lists',
  "LOW" DOUBLE COMMENT 'lower end of the 95% interval, by bootstrap over customers, paired for ratios; null for figures of a whole set of lists',
  "HIGH" DOUBLE COMMENT 'upper end of the 95% interval',
  "CASES" NUMBER(19, 0) NOT NULL COMMENT 'customers that the figure rests on; candidate pairs for figures about scores [count]',
  "CUT_DATE" DATE NOT NULL COMMENT 'day by whose end the judged lists were made; judged by what was bought in the 28 days after it [day local to the store]',
  "MODEL_VERSION" VARCHAR NOT NULL COMMENT 'content hash of the champion that the night used',
  "AS_OF" DATE NOT NULL COMMENT 'day for which the table was computed, from what was known by its end [day local to the store]',
  PRIMARY KEY ("AS_OF", "SPLIT", "LIST", "MEASURE")
) COMMENT = 'One row is a figure of the evaluation of the model in force - one measure of one kind of list on one part of the window it was judged on.';

CREATE TABLE IF NOT EXISTS recommendations.for_customer (
  "CUSTOMER_ID" VARCHAR NOT NULL COMMENT 'for whom the list is, under the store''s own number',
  "VARIANT" VARCHAR NOT NULL COMMENT 'model, or control for the customers held out from it by a salted hash, who are given popularity (in buy_again what they ordered most often) and measure what the model is worth',
  "PLACEMENT" VARCHAR NOT NULL COMMENT 'where it is meant to be shown - home (anything), buy_again (bought before), discover (new to this customer)',
  "RANK" NUMBER(10, 0) NOT NULL COMMENT 'place in the list, 1 is the best',
  "ITEM_ID" VARCHAR NOT NULL COMMENT 'what to show',
  "SCORE" DOUBLE NOT NULL COMMENT 'the ranker''s score of the item, comparable within one list only; variety and exploration let a lower one stand before a higher',
  "SOURCE" VARCHAR NOT NULL COMMENT 'which source of candidates speaks most for the item; exploration where chance put it there',
  "REASON" VARCHAR NOT NULL COMMENT 'a sentence that a shop can print, naming the item or the figure behind the place; may tell what the customer bought',
  "PROPENSITY" DOUBLE NOT NULL COMMENT 'chance that the policy puts just this item on this place for this customer, given all that was known; 1 for a place without chance [probability]',
  "MODEL_VERSION" VARCHAR NOT NULL COMMENT 'content hash of the champion that the night used',
  "AS_OF" DATE NOT NULL COMMENT 'day for which the table was computed, from what was known by its end [day local to the store]',
  PRIMARY KEY ("AS_OF", "CUSTOMER_ID", "PLACEMENT", "RANK")
) COMMENT = 'One row is a place in a customer''s list; a customer without a list is served for_newcomer.';

CREATE TABLE IF NOT EXISTS recommendations.for_newcomer (
  "SEGMENT" VARCHAR NOT NULL COMMENT 'all, or a part of the newcomers as name=value - country=France, channel=web, category=Kitchen > Mugs (who browsed there; every level of the path), season=now (what the coming weeks sold last year); where a segment has no list, all serves. Lists that name no country show what is sold in the store''s own. draw=0 to draw=9 are all with places 4, 6 … 20 given to chance - a shop spreads its visitors over the ten by a hash of their ids, so that not all see the same and new items are seen',
  "RANK" NUMBER(10, 0) NOT NULL COMMENT 'place in the list, 1 is the best',
  "ITEM_ID" VARCHAR NOT NULL COMMENT 'what to show',
  "SCORE" DOUBLE NOT NULL COMMENT 'what the list is ordered by, chance aside; comparable within one list only',
  "SOURCE" VARCHAR NOT NULL COMMENT 'first baskets (what people begin with), popular, popular in the country, popular in the category, seasonal, or exploration where chance put it there',
  "REASON" VARCHAR NOT NULL COMMENT 'a sentence that a shop can print, with the figure behind the place',
  "PROPENSITY" DOUBLE NOT NULL COMMENT 'chance that the policy puts just this item on this place, given all that was known; 1 for a place without chance [probability]',
  "MODEL_VERSION" VARCHAR NOT NULL COMMENT 'content hash of the champion that the night used',
  "AS_OF" DATE NOT NULL COMMENT 'day for which the table was computed, from what was known by its end [day local to the store]',
  PRIMARY KEY ("AS_OF", "SEGMENT", "RANK")
) COMMENT = 'One row is a place in the list for people without a list of their own.';

CREATE TABLE IF NOT EXISTS recommendations.related_items (
  "ITEM_ID" VARCHAR NOT NULL COMMENT 'the item that is being looked at',
  "RELATION" VARCHAR NOT NULL COMMENT 'similar (could be bought instead) or bought_together (could be bought with it)',
  "RANK" NUMBER(10, 0) NOT NULL COMMENT 'place in the list, 1 is the best',
  "RELATED_ITEM_ID" VARCHAR NOT NULL COMMENT 'what to show beside it; never the item itself',
  "SCORE" DOUBLE NOT NULL COMMENT 'likeness from 0 to 1 for similar; for bought_together the lift, shrunk where few orders stand behind it',
  "SOURCE" VARCHAR NOT NULL COMMENT 'content (words, category, attributes), customers alike (bought by the same people) or same basket',
  "REASON" VARCHAR NOT NULL COMMENT 'a sentence that a shop can print, with the shared words or the orders behind the place',
  "MODEL_VERSION" VARCHAR NOT NULL COMMENT 'content hash of the champion that the night used',
  "AS_OF" DATE NOT NULL COMMENT 'day for which the table was computed, from what was known by its end [day local to the store]',
  PRIMARY KEY ("AS_OF", "ITEM_ID", "RELATION", "RANK")
) COMMENT = 'One row is a place in the list beside an item.';

-- The release that <store>/recommendations/current.json names. A stage's path takes no variable: write store,
-- day and release into the COPY statements too.
SET release = '<release>';
SET day = '<YYYY-MM-DD>';

CREATE OR REPLACE TEMPORARY TABLE recommendations.evaluation_staged LIKE recommendations.evaluation;

COPY INTO recommendations.evaluation_staged ("SPLIT", "LIST", "MEASURE", "VALUE", "LOW", "HIGH", "CASES", "CUT_DATE", "MODEL_VERSION", "AS_OF")
FROM (
  SELECT
    $1:split::VARCHAR,
    $1:list::VARCHAR,
    $1:measure::VARCHAR,
    $1:value::DOUBLE,
    $1:low::DOUBLE,
    $1:high::DOUBLE,
    $1:cases::NUMBER(19, 0),
    $1:cut_date::DATE,
    $1:model_version::VARCHAR,
    $1:as_of::DATE
  FROM '@daybreak.published/<store>/recommendations/evaluation/as_of=<YYYY-MM-DD>/release=<release>/'
)
FILE_FORMAT = (FORMAT_NAME = 'daybreak.parquet') ON_ERROR = ABORT_STATEMENT;

CREATE OR REPLACE TEMPORARY TABLE recommendations.for_customer_staged LIKE recommendations.for_customer;

COPY INTO recommendations.for_customer_staged ("CUSTOMER_ID", "VARIANT", "PLACEMENT", "RANK", "ITEM_ID", "SCORE", "SOURCE", "REASON", "PROPENSITY", "MODEL_VERSION", "AS_OF")
FROM (
  SELECT
    $1:customer_id::VARCHAR,
    $1:variant::VARCHAR,
    $1:placement::VARCHAR,
    $1:rank::NUMBER(10, 0),
    $1:item_id::VARCHAR,
    $1:score::DOUBLE,
    $1:source::VARCHAR,
    $1:reason::VARCHAR,
    $1:propensity::DOUBLE,
    $1:model_version::VARCHAR,
    $1:as_of::DATE
  FROM '@daybreak.published/<store>/recommendations/for_customer/as_of=<YYYY-MM-DD>/release=<release>/'
)
FILE_FORMAT = (FORMAT_NAME = 'daybreak.parquet') ON_ERROR = ABORT_STATEMENT;

CREATE OR REPLACE TEMPORARY TABLE recommendations.for_newcomer_staged LIKE recommendations.for_newcomer;

COPY INTO recommendations.for_newcomer_staged ("SEGMENT", "RANK", "ITEM_ID", "SCORE", "SOURCE", "REASON", "PROPENSITY", "MODEL_VERSION", "AS_OF")
FROM (
  SELECT
    $1:segment::VARCHAR,
    $1:rank::NUMBER(10, 0),
    $1:item_id::VARCHAR,
    $1:score::DOUBLE,
    $1:source::VARCHAR,
    $1:reason::VARCHAR,
    $1:propensity::DOUBLE,
    $1:model_version::VARCHAR,
    $1:as_of::DATE
  FROM '@daybreak.published/<store>/recommendations/for_newcomer/as_of=<YYYY-MM-DD>/release=<release>/'
)
FILE_FORMAT = (FORMAT_NAME = 'daybreak.parquet') ON_ERROR = ABORT_STATEMENT;

CREATE OR REPLACE TEMPORARY TABLE recommendations.related_items_staged LIKE recommendations.related_items;

COPY INTO recommendations.related_items_staged ("ITEM_ID", "RELATION", "RANK", "RELATED_ITEM_ID", "SCORE", "SOURCE", "REASON", "MODEL_VERSION", "AS_OF")
FROM (
  SELECT
    $1:item_id::VARCHAR,
    $1:relation::VARCHAR,
    $1:rank::NUMBER(10, 0),
    $1:related_item_id::VARCHAR,
    $1:score::DOUBLE,
    $1:source::VARCHAR,
    $1:reason::VARCHAR,
    $1:model_version::VARCHAR,
    $1:as_of::DATE
  FROM '@daybreak.published/<store>/recommendations/related_items/as_of=<YYYY-MM-DD>/release=<release>/'
)
FILE_FORMAT = (FORMAT_NAME = 'daybreak.parquet') ON_ERROR = ABORT_STATEMENT;

BEGIN;

DELETE FROM recommendations.evaluation AS kept
WHERE kept."AS_OF" = $day::DATE AND NOT EXISTS (SELECT 1 FROM recommendations.evaluation_staged AS staged WHERE staged."AS_OF" = kept."AS_OF" AND staged."SPLIT" = kept."SPLIT" AND staged."LIST" = kept."LIST" AND staged."MEASURE" = kept."MEASURE");

MERGE INTO recommendations.evaluation AS kept
USING recommendations.evaluation_staged AS staged
ON kept."AS_OF" = staged."AS_OF" AND kept."SPLIT" = staged."SPLIT" AND kept."LIST" = staged."LIST" AND kept."MEASURE" = staged."MEASURE"
WHEN MATCHED THEN UPDATE SET kept."VALUE" = staged."VALUE", kept."LOW" = staged."LOW", kept."HIGH" = staged."HIGH", kept."CASES" = staged."CASES", kept."CUT_DATE" = staged."CUT_DATE", kept."MODEL_VERSION" = staged."MODEL_VERSION"
WHEN NOT MATCHED THEN INSERT ("SPLIT", "LIST", "MEASURE", "VALUE", "LOW", "HIGH", "CASES", "CUT_DATE", "MODEL_VERSION", "AS_OF") VALUES (staged."SPLIT", staged."LIST", staged."MEASURE", staged."VALUE", staged."LOW", staged."HIGH", staged."CASES", staged."CUT_DATE", staged."MODEL_VERSION", staged."AS_OF");

DELETE FROM recommendations.for_customer AS kept
WHERE kept."AS_OF" = $day::DATE AND NOT EXISTS (SELECT 1 FROM recommendations.for_customer_staged AS staged WHERE staged."AS_OF" = kept."AS_OF" AND staged."CUSTOMER_ID" = kept."CUSTOMER_ID" AND staged."PLACEMENT" = kept."PLACEMENT" AND staged."RANK" = kept."RANK");

MERGE INTO recommendations.for_customer AS kept
USING recommendations.for_customer_staged AS staged
ON kept."AS_OF" = staged."AS_OF" AND kept."CUSTOMER_ID" = staged."CUSTOMER_ID" AND kept."PLACEMENT" = staged."PLACEMENT" AND kept."RANK" = staged."RANK"
WHEN MATCHED THEN UPDATE SET kept."VARIANT" = staged."VARIANT", kept."ITEM_ID" = staged."ITEM_ID", kept."SCORE" = staged."SCORE", kept."SOURCE" = staged."SOURCE", kept."REASON" = staged."REASON", kept."PROPENSITY" = staged."PROPENSITY", kept."MODEL_VERSION" = staged."MODEL_VERSION"
WHEN NOT MATCHED THEN INSERT ("CUSTOMER_ID", "VARIANT", "PLACEMENT", "RANK", "ITEM_ID", "SCORE", "SOURCE", "REASON", "PROPENSITY", "MODEL_VERSION", "AS_OF") VALUES (staged."CUSTOMER_ID", staged."VARIANT", staged."PLACEMENT", staged."RANK", staged."ITEM_ID", staged."SCORE", staged."SOURCE", staged."REASON", staged."PROPENSITY", staged."MODEL_VERSION", staged."AS_OF");

DELETE FROM recommendations.for_newcomer AS kept
WHERE kept."AS_OF" = $day::DATE AND NOT EXISTS (SELECT 1 FROM recommendations.for_newcomer_staged AS staged WHERE staged."AS_OF" = kept."AS_OF" AND staged."SEGMENT" = kept."SEGMENT" AND staged."RANK" = kept."RANK");

MERGE INTO recommendations.for_newcomer AS kept
USING recommendations.for_newcomer_staged AS staged
ON kept."AS_OF" = staged."AS_OF" AND kept."SEGMENT" = staged."SEGMENT" AND kept."RANK" = staged."RANK"
WHEN MATCHED THEN UPDATE SET kept."ITEM_ID" = staged."ITEM_ID", kept."SCORE" = staged."SCORE", kept."SOURCE" = staged."SOURCE", kept."REASON" = staged."REASON", kept."PROPENSITY" = staged."PROPENSITY", kept."MODEL_VERSION" = staged."MODEL_VERSION"
WHEN NOT MATCHED THEN INSERT ("SEGMENT", "RANK", "ITEM_ID", "SCORE", "SOURCE", "REASON", "PROPENSITY", "MODEL_VERSION", "AS_OF") VALUES (staged."SEGMENT", staged."RANK", staged."ITEM_ID", staged."SCORE", staged."SOURCE", staged."REASON", staged."PROPENSITY", staged."MODEL_VERSION", staged."AS_OF");

DELETE FROM recommendations.related_items AS kept
WHERE kept."AS_OF" = $day::DATE AND NOT EXISTS (SELECT 1 FROM recommendations.related_items_staged AS staged WHERE staged."AS_OF" = kept."AS_OF" AND staged."ITEM_ID" = kept."ITEM_ID" AND staged."RELATION" = kept."RELATION" AND staged."RANK" = kept."RANK");

MERGE INTO recommendations.related_items AS kept
USING recommendations.related_items_staged AS staged
ON kept."AS_OF" = staged."AS_OF" AND kept."ITEM_ID" = staged."ITEM_ID" AND kept."RELATION" = staged."RELATION" AND kept."RANK" = staged."RANK"
WHEN MATCHED THEN UPDATE SET kept."RELATED_ITEM_ID" = staged."RELATED_ITEM_ID", kept."SCORE" = staged."SCORE", kept."SOURCE" = staged."SOURCE", kept."REASON" = staged."REASON", kept."MODEL_VERSION" = staged."MODEL_VERSION"
WHEN NOT MATCHED THEN INSERT ("ITEM_ID", "RELATION", "RANK", "RELATED_ITEM_ID", "SCORE", "SOURCE", "REASON", "MODEL_VERSION", "AS_OF") VALUES (staged."ITEM_ID", staged."RELATION", staged."RANK", staged."RELATED_ITEM_ID", staged."SCORE", staged."SOURCE", staged."REASON", staged."MODEL_VERSION", staged."AS_OF");

UPDATE daybreak.releases SET state = IFF(as_of = $day::DATE, 'replaced', 'loaded')
WHERE product = 'recommendations' AND (state = 'current' OR as_of = $day::DATE);

MERGE INTO daybreak.releases AS known
USING (SELECT 'recommendations' AS product, $release AS release, $day::DATE AS as_of, (SELECT COUNT(*) FROM recommendations.evaluation WHERE "AS_OF" = $day::DATE) + (SELECT COUNT(*) FROM recommendations.for_customer WHERE "AS_OF" = $day::DATE) + (SELECT COUNT(*) FROM recommendations.for_newcomer WHERE "AS_OF" = $day::DATE) + (SELECT COUNT(*) FROM recommendations.related_items WHERE "AS_OF" = $day::DATE) AS rows_loaded) AS new
ON known.product = new.product AND known.release = new.release
WHEN MATCHED THEN UPDATE SET known.state = 'current', known.loaded_at = CURRENT_TIMESTAMP()
WHEN NOT MATCHED THEN INSERT (product, release, as_of, rows_loaded, loaded_at, state)
VALUES (new.product, new.release, new.as_of, new.rows_loaded, CURRENT_TIMESTAMP(), 'current');

COMMIT;

CREATE OR REPLACE VIEW recommendations.evaluation_current AS
SELECT * FROM recommendations.evaluation WHERE "AS_OF" = (SELECT as_of FROM daybreak.releases WHERE product = 'recommendations' AND state = 'current');

CREATE OR REPLACE VIEW recommendations.for_customer_current AS
SELECT * FROM recommendations.for_customer WHERE "AS_OF" = (SELECT as_of FROM daybreak.releases WHERE product = 'recommendations' AND state = 'current');

CREATE OR REPLACE VIEW recommendations.for_newcomer_current AS
SELECT * FROM recommendations.for_newcomer WHERE "AS_OF" = (SELECT as_of FROM daybreak.releases WHERE product = 'recommendations' AND state = 'current');

CREATE OR REPLACE VIEW recommendations.related_items_current AS
SELECT * FROM recommendations.related_items WHERE "AS_OF" = (SELECT as_of FROM daybreak.releases WHERE product = 'recommendations' AND state = 'current');
