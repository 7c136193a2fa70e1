"""Items as text: what counts as a word, what is alike, and items that nobody has bought."""

import re

import numpy as np
import pandas as pd
import pytest

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


def test_what_very_many_items_share_makes_none_alike(monkeypatch):
    """A million items in twenty departments: to compare all of one with each other would take their square."""
    titles = [f"series{n % 4} model{n // 2}" for n in range(40)]
    items = pd.DataFrame({"item_id": range(40), "title": titles})
    whole = content.neighbours(content.vectors(items)).toarray()
    monkeypatch.setattr(content, "MAX_ITEMS", 5)
    monkeypatch.setattr(content, "_KEPT", {})
    found = content.neighbours(content.vectors(items)).toarray()
    pair = np.arange(40) ^ 1
    assert (whole > 0).sum() == 40 * 10 and (found > 0).sum() == 40 and (found[np.arange(40), pair] > 0).all()


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


def test_scripts_without_blanks_are_pairs_of_characters():
    assert content.words("不锈钢保温杯 500ml USB充电器") == [
        *("不锈", "锈钢", "钢保", "保温", "温杯", "500ml", "usb", "充电", "电器"),
    ]
    assert content.words("ﾃｰﾌﾞﾙ　ランプ") == ["テー", "ーブ", "ブル", "ラン", "ンプ"]
    assert content.words("หมวก 5 杯") == ["หม", "มว", "วก", "5", "杯"]
    titles = ["不锈钢保温杯大容量便携水杯", "大容量不锈钢保温杯", "红色台灯", "红色台灯 小"]
    near = content.neighbours(content.vectors(pd.DataFrame({"title": titles}))).toarray()
    assert near[0].argmax() == 1 and near[2].argmax() == 3


def test_marks_are_part_of_their_word():
    assert content.words("किताब ❤️लाल") == ["किताब", "लाल"]
    assert content.words("Cafe\u0301 Noir") == content.words("Café Noir") == ["café", "noir"]


@pytest.mark.parametrize(
    "title",
    [
        *("RED RETROSPOT_LAMP, n°2", "½ kg Crème brûlée™ – 10²", "Straße ŁÓDŹ İstanbul Ǆ"),
        *("5'' ﬁne ❤️ 1️⃣ 🎄 tree", "№ 5 ℃", "【New】 ½ cup", ""),
        *("Красная лампа, 40Вт", "Κόκκινη λάμπα", "مصباح أحمر", "מנורה אדומה"),
    ],
)
def test_titles_in_letters_and_blanks_have_the_words_that_they_always_had(title):
    assert content.words(title) == [word.lower() for word in re.findall(r"[^\W_]+", title)]
