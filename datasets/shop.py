"""Build shop.csv: the event log of an online shop, 26 weeks of catalogue, pages shown, views, carts and purchases.

A visitor comes for one thing. Every user has five kinds of goods that they need from time to time, one style, and a
budget; a session is after one kind, the intent. Goods of one kind are substitutes: at most one is bought. A durable
kind is not needed again for a while after it was bought, and a purchase may call for its complement.

The home page shows the best sellers of the last week, sold out or not; search shows goods of the wanted kind by
sales, and now and then shuffled, by a coin. Who looks at position j of a list does so with probability j^-DECAY.
What is looked at is viewed if kind, style, price, picture and quality (as stars) appeal; what is viewed is bought
if style, quality and price are right and it is in stock.

The column `truth` holds what no shop could know: of a listed item its kind, style, quality, picture and dearness,
of a user the style, the budget and the five kinds, of a page the intent of its session. With them `p_view` and `p_buy` below are
the simulator's own probabilities.
Run `python datasets/shop.py`: it writes the file beside itself and prints rows, bytes and sha256.
"""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

SEED = 20240304
START = "2024-03-04"
DAYS = 182
USERS, USERS_LATER = 1500, 600
ITEMS, ITEMS_LATER = 900, 300
SESSIONS_PER_DAY = 77

CATALOGUE = {
    "garden": ("lawn mower", "garden hose", "planter", "patio chair", "grill"),
    "kitchen": ("kettle", "frying pan", "chef knife", "baking tin", "coffee grinder"),
    "home": ("floor lamp", "rug", "bookshelf", "cushion", "curtain"),
    "sport": ("running shoes", "yoga mat", "bicycle helmet", "tent", "dumbbells"),
    "toys": ("building blocks", "puzzle", "board game", "plush bear", "toy train"),
    "electronics": ("headphones", "phone case", "charger", "keyboard", "speaker"),
    "fashion": ("backpack", "rain jacket", "sneakers", "scarf", "sunglasses"),
    "office": ("notebook", "fountain pen", "desk chair", "monitor stand", "printer paper"),
}
DURABLE = ("garden", "kitchen", "home", "sport", "electronics")
KINDS = [(category, noun) for category, nouns in CATALOGUE.items() for noun in nouns]
STYLES = (
    ("classic", "timeless", "elegant", "traditional"),
    ("modern", "sleek", "urban", "technical"),
    ("rustic", "oak", "handmade", "natural"),
    ("colourful", "playful", "bright", "striped"),
    ("minimal", "plain", "slim", "white"),
)
STYLE_SHARE = (0.35, 0.25, 0.2, 0.12, 0.08)  # of the users; items have all styles alike
STYLE_IN_TEXT = 0.8  # otherwise the adjective says nothing
BRANDS = 60

# The user
NEED_SHARE = (0.35, 0.25, 0.2, 0.12, 0.08)  # of the five kinds a user needs
SEGMENTS = 16
BUDGET_SPREAD = 0.35
REST_DAYS = 60  # after a durable kind was bought
COMPLEMENT = 0.4  # the next session is after the complement of what was bought

# The page
POSITIONS = 8
DECAY = 0.6
HOME, SEARCH, SECOND_PAGE, SHUFFLED = 0.6, 0.75, 0.4, 0.12
VIEW = {"base": 0.3, "style": 1.3, "picture": 0.5, "quality": 0.6, "price": 0.9}
BUY = {"base": -2.6, "style": 1.1, "quality": 0.9, "price": 1.6}
OFF_INTENT = {"needed": 0.25, "other": 0.03}  # factor on views of another kind than the intent

# Nuisance
GARDEN_SEASON = 5.0  # needs in garden goods at the peak in May, as a factor
SALE = {"first": 119, "days": 7, "discount": 0.2, "traffic": 1.6}  # days count from 0
OUTAGE = {"day": 87, "from": 8, "to": 19}  # hours without any event
RUNS_OUT = {"daily": 0.004, "sale": 0.08}
RESTOCKED = 0.14  # a day
BOTS, BOT_VIEWS = 14, 130
TWICE = 0.004  # events written twice


def expit(x):
    """The logistic function."""
    return 1 / (1 + np.exp(-x))


def make_items(rng):
    """Hidden and visible columns of the items, and the day on which each is listed."""
    n = ITEMS + ITEMS_LATER
    kind = rng.integers(len(KINDS), size=n)
    style = rng.integers(len(STYLES), size=n)
    brand = rng.integers(BRANDS, size=n)
    quality = (0.6 * rng.standard_normal(BRANDS)[brand] + 0.8 * rng.standard_normal(n)).round(2)
    picture = rng.standard_normal(n).round(2)
    usual = np.exp(rng.uniform(np.log(8), np.log(250), len(KINDS))).round(2)
    dear = (0.35 * rng.standard_normal(n) + 0.1 * quality).round(2)
    price = (usual[kind] * np.exp(dear)).round(2)
    shown_style = np.where(rng.random(n) < STYLE_IN_TEXT, style, rng.integers(len(STYLES), size=n))
    adjective, name = rng.integers(4, size=n), make_brands(rng)
    text = [
        f"{name[b]} {STYLES[s][a]} {KINDS[k][1]}" for b, s, a, k in zip(brand, shown_style, adjective, kind)
    ]
    listed = np.r_[np.full(ITEMS, -1), np.sort(rng.integers(DAYS, size=ITEMS_LATER))]
    return {
        "kind": kind, "style": style, "quality": quality, "picture": picture, "price": price,
        "dear": dear,
        "text": text, "listed": listed,
    }  # fmt: skip


def make_brands(rng):
    """Sixty pronounceable names."""
    first, second = (
        ("Al", "Be", "Cor", "Da", "El", "Fi", "Gra", "Hol"),
        ("ba", "da", "lin", "mo", "ra", "sen", "ta", "vik"),
    )
    names = [a + b for a in first for b in second]
    return [names[i] for i in rng.permutation(len(names))[:BRANDS]]


def make_users(rng):
    """Hidden columns of the users, how often each comes, and the day on which each joins."""
    n = USERS + USERS_LATER
    common = rng.dirichlet(np.full(len(KINDS), 5.0))
    weights = 0.8 * rng.dirichlet(np.full(len(KINDS), 0.15), SEGMENTS) + 0.2 * common
    segment = rng.integers(SEGMENTS, size=n)
    needs = [rng.choice(len(KINDS), len(NEED_SHARE), replace=False, p=weights[s]) for s in segment]
    return {
        "needs": np.array(needs),
        "style": rng.choice(len(STYLES), n, p=STYLE_SHARE),
        "budget": np.exp(BUDGET_SPREAD * rng.standard_normal(n)).round(2),
        "activity": rng.gamma(0.8, size=n),
        "joined": np.r_[np.full(USERS, -1), np.sort(rng.integers(DAYS, size=USERS_LATER))],
    }


def p_view(match, wanted, gap, picture, quality):
    """Probability that an item that is looked at is viewed; `gap` is log(price / what the user would pay)."""
    appeal = VIEW["base"] + VIEW["style"] * match + VIEW["picture"] * picture + VIEW["quality"] * quality
    return wanted * expit(appeal - VIEW["price"] * np.abs(gap))


def p_buy(match, gap, quality):
    """Probability that an item that is viewed and in stock is bought."""
    return expit(
        BUY["base"] + BUY["style"] * match + BUY["quality"] * quality - BUY["price"] * np.maximum(gap, 0)
    )


class Shop:
    """The state of the shop and the log it writes."""

    def __init__(self, rng):
        self.rng, self.items, self.users, self.log = rng, make_items(rng), make_users(rng), []
        n_items, n_users = len(self.items["kind"]), len(self.users["style"])
        self.in_stock = np.ones(n_items, bool)
        self.sales = np.zeros((n_items, DAYS))
        self.rests_until = np.zeros((n_users, len(NEED_SHARE)), int)
        self.calls_for = np.full(n_users, -1)
        self.sessions = 0

    def write(self, second, event, **columns):
        """Append a row; `second` counts from the start of the log."""
        self.log.append({"second": int(second), "event": event, **columns})

    def stock(self, day):
        """Goods run out and come back at midnight."""
        listed = self.items["listed"] <= day
        sold = self.sales[:, max(day - 1, 0)]
        out = (
            self.in_stock
            & listed
            & (self.rng.random(len(listed)) < RUNS_OUT["daily"] + RUNS_OUT["sale"] * sold)
        )
        back = ~self.in_stock & (self.rng.random(len(listed)) < RESTOCKED)
        for event, which in (("sold_out", out), ("restocked", back)):
            for item in np.flatnonzero(which):
                self.write(day * 86400 + 60, event, item=item)
        self.in_stock = (self.in_stock & ~out) | back

    def intent_of(self, user, day):
        """The kind that a session is after."""
        if self.calls_for[user] >= 0 and self.rng.random() < COMPLEMENT:
            return self.calls_for[user]
        needs = self.users["needs"][user]
        season = 1 + (GARDEN_SEASON - 1) * (needs < 5) * np.exp(-(((day - 75) / 30) ** 2))
        share = np.array(NEED_SHARE) * season * np.where(self.rests_until[user] > day, 0.02, 1)
        return self.rng.choice(needs, p=share / share.sum())

    def shown(self, source, intent, day, page):
        """The items of a page, best position first."""
        listed = self.items["listed"] <= day
        days = slice(max(day - 7, 0), day) if source == "home" else slice(max(day - 28, 0), day)
        score = np.log1p(self.sales[:, days].sum(axis=1)) + self.rng.gumbel(size=len(listed)) * 0.15
        score[~listed | ((self.items["kind"] != intent) & (source != "home"))] = -np.inf
        if source == "shuffled":
            score = np.where(np.isfinite(score), self.rng.random(len(score)), -np.inf)
        order = np.argsort(-score, kind="stable")[page * POSITIONS : (page + 1) * POSITIONS]
        return order[np.isfinite(score[order])]

    def browse(self, session, user, intent, second, source, page=0):
        """One page and what the user does with it; returns the time after it and the item bought, or -1."""
        day = int(second // 86400)
        shown = self.shown(source, intent, day, page)
        places = page * POSITIONS + 1 + np.arange(len(shown))
        where = {"session": session, "user": user, "source": source}
        self.write(
            second,
            "page",
            **where,
            shown=" ".join(map(str, shown)),
            position=page * POSITIONS + 1,
            truth=str(intent),
        )
        items, kind = self.items, self.items["kind"][shown]
        price = items["price"][shown] * (
            1 - SALE["discount"] * (SALE["first"] <= day < SALE["first"] + SALE["days"])
        )
        gap = items["dear"][shown] + np.log(price / items["price"][shown] / self.users["budget"][user])
        match = items["style"][shown] == self.users["style"][user]
        needed = np.isin(kind, self.users["needs"][user])
        wanted = np.where(kind == intent, 1.0, np.where(needed, OFF_INTENT["needed"], OFF_INTENT["other"]))
        picture, quality = items["picture"][shown], items["quality"][shown]
        viewed = self.rng.random(len(shown)) < places**-DECAY * p_view(match, wanted, gap, picture, quality)
        half = np.sqrt(p_buy(match, gap, quality))
        bought = -1
        for i in np.flatnonzero(viewed):
            second += self.rng.integers(5, 90)
            row = {**where, "item": shown[i], "position": places[i]}
            self.write(second, "view", **row)
            carts, buys = self.rng.random(2) < half[i]
            if carts and self.in_stock[shown[i]]:
                self.write(second + 20, "cart", **row)
                if buys and bought < 0:
                    bought = shown[i]
                    self.write(second + 60, "purchase", **row, price=round(float(price[i]), 2))
                    self.buy(user, bought, day)
        return second + 61 + self.rng.integers(5, 60), bought

    def buy(self, user, item, day):
        """What a purchase changes: sales, the need, and what it calls for."""
        kind = self.items["kind"][item]
        self.sales[item, day] += 1
        if KINDS[kind][0] in DURABLE:
            self.rests_until[user, self.users["needs"][user] == kind] = day + REST_DAYS
        self.calls_for[user] = kind - kind % 5 + (kind + 1) % 5  # the next kind of the category

    def visit(self, user, second):
        """A session: home page, search, perhaps its second page."""
        session, self.sessions = self.sessions, self.sessions + 1
        intent = self.intent_of(user, int(second // 86400))
        if intent == self.calls_for[user]:
            self.calls_for[user] = -1
        home = self.rng.random() < HOME
        bought = -1
        if home:
            second, bought = self.browse(session, user, intent, second, "home")
        if bought < 0 and (not home or self.rng.random() < SEARCH):
            source = "shuffled" if self.rng.random() < SHUFFLED else "search"
            second, bought = self.browse(session, user, intent, second, source)
            if bought < 0 and source == "search" and self.rng.random() < SECOND_PAGE:
                self.browse(session, user, intent, second, "search", page=1)

    def crawl(self, user, second):
        """A bot: item after item, no page, no purchase."""
        session, self.sessions = self.sessions, self.sessions + 1
        listed = np.flatnonzero(self.items["listed"] <= second // 86400)
        first = self.rng.integers(len(listed))
        for step in range(self.rng.poisson(BOT_VIEWS)):
            self.write(
                second + step, "view", session=session, user=user, item=listed[(first + step) % len(listed)]
            )

    def day(self, day):
        """All events of one day."""
        self.stock(day)
        season = 1 + 0.15 * np.sin(2 * np.pi * (day - 30) / 182) + 0.2 * (day % 7 >= 5)
        on_sale = SALE["first"] <= day < SALE["first"] + SALE["days"]
        here = self.users["joined"] <= day
        activity = self.users["activity"] * here
        arrivals = self.rng.poisson(
            SESSIONS_PER_DAY * season * (SALE["traffic"] if on_sale else 1) * (0.75 + 0.25 * day / DAYS)
        )
        users = np.r_[
            self.rng.choice(len(here), arrivals, p=activity / activity.sum()),
            np.flatnonzero(self.users["joined"] == day),
        ]
        hours = np.sort(np.clip(self.rng.normal(15.5, 4, len(users)), 0.1, 22))
        for user, hour in zip(self.rng.permutation(users), hours):
            if not (day == OUTAGE["day"] and OUTAGE["from"] <= hour < OUTAGE["to"]):
                self.visit(user, day * 86400 + int(3600 * hour))


def build(seed=SEED):
    """The whole log in order of time; another seed gives another shop of the same kind."""
    rng = np.random.default_rng(seed)
    shop = Shop(rng)
    items, users = shop.items, shop.users
    for item, day in enumerate(items["listed"]):
        truth = f"{items['kind'][item]} {items['style'][item]} {items['quality'][item]} {items['picture'][item]} {items['dear'][item]}"
        category = KINDS[items["kind"][item]][0]
        shop.write(max(day, 0) * 86400, "listed", item=item, category=category, price=items["price"][item],
                   text=items["text"][item], truth=truth)  # fmt: skip
    for user, day in enumerate(users["joined"]):
        needs = " ".join(map(str, users["needs"][user]))
        shop.write(
            max(day, 0) * 86400,
            "joined",
            user=user,
            truth=f"{users['style'][user]} {users['budget'][user]} {needs}",
        )
    for day in range(DAYS):
        shop.day(day)
    for bot in range(BOTS):
        shop.crawl(len(users["style"]) + bot, int(rng.integers(DAYS * 86400 - 7200)))
    log = pd.DataFrame(shop.log)
    log = pd.concat([log, log[(rng.random(len(log)) < TWICE) & log["session"].notna()]], ignore_index=True)
    log = log.sort_values("second", kind="stable", ignore_index=True)
    log.insert(0, "time", pd.Timestamp(START) + pd.to_timedelta(log["second"], unit="s"))
    for column in ("session", "user", "item", "position"):
        log[column] = log[column].astype("Int64")
    columns = [
        "time",
        "event",
        "session",
        "user",
        "item",
        "position",
        "source",
        "price",
        "category",
        "text",
        "shown",
        "truth",
    ]
    return log[columns]


def main():
    path = Path(__file__).with_suffix(".csv")
    log = build()
    text = log.to_csv(index=False, lineterminator="\n", date_format="%Y-%m-%dT%H:%M:%S")
    data = text.encode("ascii")
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    print(f"{path.name}: {len(log)} rows, {len(data)} bytes, sha256 {digest}")


if __name__ == "__main__":
    main()
