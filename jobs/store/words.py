"""The shop's vocabulary: a category tree whose leaves have nouns, and styles that have adjectives.

Titles and descriptions are made of these words, so that a model of content can find what latent taste is made of.
"""

from __future__ import annotations

#: department > category > leaf: its nouns, what one costs, and whether it may be used up.
TREE: dict[str, dict[str, dict[str, tuple[tuple[str, ...], float, bool]]]] = {
    "Kitchen": {
        "Cookware": {
            "Pans": (("frying pan", "saucepan", "wok", "skillet"), 38, False),
            "Baking": (("cake tin", "baking tray", "rolling pin"), 17, False),
        },
        "Tableware": {
            "Mugs": (("mug", "cup", "tumbler"), 12, False),
            "Plates": (("plate", "bowl", "serving dish"), 16, False),
        },
        "Appliances": {
            "Coffee Makers": (("coffee maker", "espresso pot", "grinder"), 64, False),
            "Kettles": (("kettle", "teapot"), 42, False),
        },
    },
    "Food": {
        "Drinks": {
            "Coffee": (("coffee beans", "ground coffee", "espresso capsules"), 9, True),
            "Tea": (("green tea", "black tea", "herbal tea"), 6, True),
        },
        "Pantry": {
            "Chocolate": (("chocolate bar", "pralines", "cocoa"), 5, True),
            "Oils": (("olive oil", "vinegar", "pesto"), 9, True),
        },
        "Cellar": {
            "Spirits": (("gin", "whisky", "rum"), 34, True),
            "Syrups": (("syrup", "cordial", "lemonade"), 7, True),
        },
    },
    "Home": {
        "Living": {
            "Cushions": (("cushion", "throw", "pouffe"), 27, False),
            "Candles": (("candle", "tea lights", "diffuser"), 13, True),
        },
        "Bedroom": {
            "Bedding": (("duvet cover", "pillowcase", "blanket"), 44, False),
            "Lamps": (("table lamp", "night light", "lampshade"), 39, False),
        },
        "Storage": {
            "Boxes": (("storage box", "basket", "crate"), 19, False),
            "Hooks": (("wall hook", "coat rack", "shelf"), 23, False),
        },
    },
    "Care": {
        "Bath": {
            "Soap": (("hand soap", "shower gel", "bath salts"), 7, True),
            "Towels": (("bath towel", "hand towel", "bath mat"), 21, False),
        },
        "Skin": {
            "Cream": (("face cream", "hand cream", "lip balm"), 14, True),
            "Hair": (("shampoo", "conditioner", "hair oil"), 11, True),
        },
        "Cleaning": {
            "Laundry": (("laundry liquid", "stain remover", "fabric softener"), 10, True),
            "Surfaces": (("surface spray", "dish soap", "sponges"), 6, True),
        },
    },
    "Garden": {
        "Plants": {
            "Seeds": (("flower seeds", "herb seeds", "bulbs"), 4, True),
            "Pots": (("plant pot", "planter", "hanging basket"), 18, False),
        },
        "Tools": {
            "Hand Tools": (("trowel", "secateurs", "watering can"), 22, False),
            "Barbecue": (("barbecue", "grill tongs", "charcoal"), 35, False),
        },
        "Outdoors": {
            "Lanterns": (("lantern", "fairy lights", "torch"), 24, False),
            "Picnic": (("picnic rug", "cool bag", "flask"), 29, False),
        },
    },
    "Kids": {
        "Toys": {
            "Puzzles": (("puzzle", "memory game", "board game"), 16, False),
            "Plush": (("teddy bear", "plush rabbit", "rag doll"), 19, False),
        },
        "Crafts": {
            "Paper": (("sticker set", "origami paper", "notebook"), 6, True),
            "Paint": (("watercolours", "crayons", "finger paint"), 9, True),
        },
        "Nursery": {
            "Bottles": (("drinking bottle", "lunch box", "bib"), 15, False),
            "Wipes": (("baby wipes", "nappies", "bath foam"), 8, True),
        },
    },
}

#: style: its adjectives; each title carries one, each description two.
STYLES: dict[str, tuple[str, ...]] = {
    "rustic": ("rustic", "farmhouse", "weathered"),
    "modern": ("modern", "sleek", "minimalist"),
    "vintage": ("vintage", "retro", "antique"),
    "playful": ("playful", "colourful", "funny"),
    "natural": ("natural", "organic", "earthy"),
    "luxury": ("luxury", "elegant", "premium"),
    "nordic": ("nordic", "hygge", "birch"),
    "floral": ("floral", "blossom", "botanical"),
    "festive": ("festive", "sparkling", "winter"),
    "sporty": ("sporty", "rugged", "travel"),
}

COLOURS = ("red", "blue", "green", "black", "white", "mustard", "rose", "grey")
SIZES = ("small", "medium", "large")
MATERIALS = ("cotton", "oak", "steel", "glass", "ceramic", "linen", "bamboo", "wool", "paper", "recycled")
BRANDS = (
    "Aalders",
    "Bergwind",
    "Café Lune",
    "Dorpshuis",
    "Eikenhof",
    "Fjordlys",
    "Grachten",
    "Hazel & Co",
    "Ijsvogel",
    "Jolie",
    "Kleine Zon",
    "Lavendel",
    "Molenaar",
    "Nachtuil",
    "Oever",
    "Père Noé",
)


def leaves() -> list[tuple[str, str, str, tuple[str, ...], float, bool]]:
    """The leaves of the tree in order: department, category, leaf, nouns, usual price, may be used up."""
    return [
        (department, category, leaf, nouns, price, used_up)
        for department, categories in TREE.items()
        for category, of_category in categories.items()
        for leaf, (nouns, price, used_up) in of_category.items()
    ]
