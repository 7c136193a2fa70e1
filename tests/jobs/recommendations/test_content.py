"""Items as text: what counts as a word, what is alike, and items that nobody has bought."""

import numpy as np
import pandas as pd

from jobs.recommendations import content


def test_tokens_of_all_parts():
    found = content.tokens("Red Lamp, large", "home > light", "Acme ", '{"colour": "Red", "sizes": [1], "watt": 40}')
    assert found == [
        *("red", "lamp", "large", "red lamp", "lamp large"),
        *("category:home", "category:home>light", "brand:acme", "colour=red", "watt=40"),
    ]


def test_broken_or_missing_text_says_nothing():
    assert content.tokens(None, None, None, "{not json") == []
    assert content.tokens(float("nan"), None, "", "[1, 2]") == []


def test_alike_in_words_is_near_and_an_item_is_not_its_own_neighbour():
    titles = ["red lamp large", "red lamp small", "blue mug", "blue mug large", None]
    near = content.neighbours(content.vectors(pd.DataFrame({"item_id": list("abcde"), "title": titles}))).toarray()
    assert near[0].argmax() == 1 and near[2].argmax() == 3
    assert (np.diag(near) == 0).all() and near[4].sum() == 0
    assert near.max() <= 1.0001


def test_neighbours_are_made_once_for_the_same_text_and_anew_for_another():
    titles = ["red lamp large", "red lamp small", "blue mug", "blue mug large", "red mug"]
    text = content.vectors(pd.DataFrame({"item_id": list("abcde"), "title": titles}))
    once = content.neighbours(text)
    assert content.neighbours(text.copy()) is once
    other = text.copy()
    other.data[0] /= 2
    assert (content.neighbours(other) != once).nnz and (content.neighbours(text) != once).nnz == 0


def test_rows_are_of_length_one_or_empty():
    text = content.vectors(pd.DataFrame({"title": ["red lamp", "red lamp", "", "blue red"]}))
    lengths = np.sqrt(np.asarray(text.multiply(text).sum(axis=1)).ravel())
    assert all(abs(length - 1) < 1e-6 or length == 0 for length in lengths)
