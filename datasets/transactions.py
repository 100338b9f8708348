"""Build transactions.csv: 90 days of card payments, some of them fraudulent.

Honest payments. Customers and shops lie on a square. A customer pays at a steady personal rate,
near home or in a web shop, with a personal amount habit that has a heavy tail. Volume follows the
hour and the weekday and grows as customers join. Some honest payments look odd: commuters tap a
transit gate several times, others make many small payments within an hour at a fair or in a game,
travellers pay more, abroad, in another currency, and terminals post a payment twice.

Fraud. Four scenarios that need four kinds of knowledge:
  card_testing          a stolen card number is tried many times within minutes, mostly for little
  compromised_terminal  for some days a share of the payments at one quiet shop is fraudulent
  takeover              for some days one account spends far above its own habit
  one_off               a payment drawn at random from all honest ones: nothing predicts it

Labels arrive late. A fraud is known when the card holder complains, days to weeks later; a payment
without complaint counts as honest after a fixed time. Rows lost in one outage are missing.

Every scenario draws from its own random stream, so a change in one does not reshuffle the others.
Run `python datasets/transactions.py` to write the file again, byte for byte.
"""

import hashlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

SEED = 20240902
START = "2024-09-02"  # a Monday; all times are UTC
DAYS = 90
DAY, HOUR = 86_400, 3_600  # seconds

# Customers and terminals
CUSTOMERS = 1_000
LATE_JOINERS = 0.3  # share of customers who join during the 90 days
PAYMENTS_PER_DAY = 0.63  # mean rate of a customer; the rates are gamma distributed
MEDIAN_AMOUNT = 24.0  # EUR, over customers
SHOPS, WEB_SHOPS, FOREIGN_SHOPS, TRANSIT_GATES = 400, 30, 40, 5
TOWN = 100.0  # side of the square, km
REACH = 5.0  # km, how far a customer goes to pay
WEB_SHARE = 0.2  # share of a customer's payments made in web shops
EUR_PER_UNIT = {"EUR": 1.0, "GBP": 1.19, "USD": 0.92, "SEK": 0.088}  # fixed rates
FOREIGN = ("GBP", "USD", "SEK")
WEEKDAY_VOLUME = np.array([0.90, 0.90, 0.95, 1.00, 1.20, 1.25, 0.80])  # Monday first

# Honest payments that look odd
COMMUTERS = 40
COMMUTING_SHARE = 0.4  # of the working days
GATE_TAPS = (1, 3)  # in a row
FARES = (2.2, 2.9, 3.6)  # EUR
SPREES = 130  # half at a fair, half in one web shop
SPREE_PAYMENTS = (4, 10)
SPREE_GAP = (20, 360)  # seconds
SPREE_AMOUNT = (1.0, 12.0)  # EUR
TRIPS = 45
TRIP_DAYS = (4, 10)
TRIP_AMOUNT = (1.0, 3.0)  # times the habit
REPEATED_SHARE = 0.004  # payments posted twice, seconds apart
OUTAGE = (52 * DAY + 13 * HOUR, 52 * DAY + 16 * HOUR)  # no row survives

# Fraud
BURSTS = 22
BURST_PAYMENTS = (5, 9)
BURST_GAP = (10, 90)  # seconds
BURST_SMALL = (0.5, 8.0)  # EUR
BURST_SMALL_SHARE = 0.8  # the others follow the habit of the card's owner
TERMINALS_HIT = 13
TERMINAL_DAYS = (10, 20)
TERMINAL_TRAFFIC = (12, 24)  # payments in those days: only quiet shops are hit
TERMINAL_SHARE = 0.6  # of the payments in those days
TAKEOVERS = 26
TAKEOVER_DAYS = (2, 5)
TAKEOVER_PAYMENTS = (3, 6)
TAKEOVER_AMOUNT = (5.0, 15.0)  # times the median of the customer's earlier payments
TAKEOVER_HISTORY = 10  # earlier payments that the victim has at least
ONE_OFFS = 60

# Labels
COMPLAINT_MEDIAN = 6.0  # days; the delay is lognormal
COMPLAINT_SIGMA = 0.6
COMPLAINT_RANGE = (1.0, 30.0)  # days
MATURITY = 30  # days after which a payment without complaint counts as honest


def make_world(rng):
    """Customers and terminals, with one row of terminal probabilities per customer."""
    world = SimpleNamespace()
    world.rate = PAYMENTS_PER_DAY * rng.gamma(2.0, 0.5, CUSTOMERS)
    world.median = MEDIAN_AMOUNT * np.exp(0.6 * rng.standard_normal(CUSTOMERS))
    world.spread = rng.uniform(0.5, 1.1, CUSTOMERS)  # sigma of the log amount
    joined = rng.uniform(0, DAYS, CUSTOMERS)
    world.joined = np.where(rng.random(CUSTOMERS) < LATE_JOINERS, joined, 0.0)
    world.settled = np.flatnonzero(world.joined == 0)  # there from the first day

    sizes = [SHOPS, WEB_SHOPS, FOREIGN_SHOPS, TRANSIT_GATES]
    world.shops, world.web, world.foreign, world.gates = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
    world.price = np.exp(0.3 * rng.standard_normal(sum(sizes)))
    world.currency = np.full(sum(sizes), "EUR")
    abroad = np.concatenate([world.foreign, world.web[3::6]])
    world.currency[abroad] = np.resize(FOREIGN, abroad.size)

    home, place = rng.uniform(0, TOWN, (2, CUSTOMERS)), rng.uniform(0, TOWN, (2, SHOPS))
    distance = np.hypot(home[0][:, None] - place[0], home[1][:, None] - place[1])
    near = np.exp(rng.standard_normal(SHOPS) - distance / REACH)
    web = np.tile(1 / np.arange(1, WEB_SHOPS + 1), (CUSTOMERS, 1))
    weights = np.hstack(
        [
            (1 - WEB_SHARE) * near / near.sum(axis=1, keepdims=True),
            WEB_SHARE * web / web.sum(axis=1, keepdims=True),
        ]
    )
    world.terminal_cdf = np.cumsum(weights, axis=1)
    return world


def payments(second, customer, terminal, eur, scenario, is_fraud=0):
    """One table of payments; `second` counts from the start, `eur` is the amount in EUR."""
    return pd.DataFrame(
        {
            "second": np.floor(second).astype("int64"),
            "customer_id": customer,
            "terminal_id": terminal,
            "eur": eur,
            "scenario": scenario,
            "is_fraud": is_fraud,
        }
    )


def usual_terminal(rng, world, customer):
    """A shop near home or a web shop for each entry of `customer`."""
    u = rng.random(len(customer))
    chosen = (u[:, None] > world.terminal_cdf[customer]).sum(axis=1)
    return np.minimum(chosen, SHOPS + WEB_SHOPS - 1)


def usual_amount(rng, world, customer, terminal):
    """Amounts in EUR by the habit of each customer and the price level of each terminal."""
    noise = world.spread[customer] * rng.standard_normal(len(customer))
    return world.median[customer] * world.price[terminal] * np.exp(noise)


def waking_hours(rng, n):
    """Seconds after midnight: a peak at noon, one in the evening, few payments at night."""
    kind = rng.choice(3, size=n, p=[0.45, 0.40, 0.15])
    centre, width = np.array([12.5, 18.5, 14.0]), np.array([2.0, 2.0, 6.0])
    return (centre[kind] + width[kind] * rng.standard_normal(n)) % 24 * HOUR


def spread_starts(rng, n, first_day, last_day):
    """n starting times in seconds, one at random in each of n equal stretches of the period."""
    return DAY * (first_day + (last_day - first_day) * (np.arange(n) + rng.random(n)) / n)


def whole(rng, low_high, size=None):
    """Whole numbers between two limits, both included."""
    return rng.integers(*low_high, size, endpoint=True)


def ordinary(rng, world):
    """Everyday payments of all customers."""
    days = np.arange(DAYS)
    expected = world.rate[:, None] * WEEKDAY_VOLUME[days % 7] * (days >= world.joined[:, None])
    counts = rng.poisson(expected)
    cell = np.repeat(np.arange(counts.size), counts.ravel())
    customer, day = cell // DAYS, cell % DAYS
    terminal = usual_terminal(rng, world, customer)
    second = day * DAY + waking_hours(rng, cell.size)
    eur = usual_amount(rng, world, customer, terminal)
    return payments(second, customer, terminal, eur, "ordinary")


def transit(rng, world):
    """Commuters tap a gate one to three times, for themselves and others, on some working days."""
    parts = []
    for customer in rng.choice(world.settled, COMMUTERS, replace=False):
        gate, fare = rng.choice(world.gates), rng.choice(FARES)
        working_day = np.arange(DAYS) % 7 < 5
        for day in np.flatnonzero(working_day & (rng.random(DAYS) < COMMUTING_SHARE)):
            taps = np.cumsum(rng.uniform(3, 60, whole(rng, GATE_TAPS)))
            second = day * DAY + rng.uniform(7, 9) * HOUR + taps
            parts.append(payments(second, customer, gate, fare, "transit"))
    return pd.concat(parts)


def sprees(rng, world):
    """Many small honest payments within an hour: the stalls of a fair, or one game."""
    parts = []
    customers = rng.choice(world.settled, SPREES, replace=False)
    for i, start in enumerate(spread_starts(rng, SPREES, 0, DAYS - 1)):
        n = whole(rng, SPREE_PAYMENTS)
        customer = np.full(n, customers[i])
        at_fair = usual_terminal(rng, world, customer)
        terminal = at_fair if i % 2 else np.full(n, rng.choice(world.web))
        second = start // DAY * DAY + waking_hours(rng, 1) + np.cumsum(rng.uniform(*SPREE_GAP, n))
        eur = rng.uniform(*SPREE_AMOUNT, n)
        parts.append(payments(second, customer, terminal, eur, "spree"))
    return pd.concat(parts)


def trips(rng, world):
    """Travellers pay often, abroad, in one foreign currency, somewhat above their habit."""
    parts = []
    for start in spread_starts(rng, TRIPS, 3, DAYS - TRIP_DAYS[1] - 1):
        days = whole(rng, TRIP_DAYS)
        n = whole(rng, (2 * days, 3 * days))
        customer = np.full(n, rng.choice(world.settled))
        abroad = world.currency[world.foreign] == rng.choice(FOREIGN)
        terminal = rng.choice(world.foreign[abroad], n)
        second = (start // DAY + rng.integers(0, days, n)) * DAY + waking_hours(rng, n)
        eur = rng.uniform(*TRIP_AMOUNT) * usual_amount(rng, world, customer, terminal)
        parts.append(payments(second, customer, terminal, eur, "trip"))
    return pd.concat(parts)


def repeats(rng, honest):
    """Payments that a terminal, having got no answer, posts a second time."""
    again = honest[rng.random(len(honest)) < REPEATED_SHARE].copy()
    again["second"] += rng.integers(2, 31, len(again))
    return again.assign(scenario="repeat")


def card_testing(rng, world):
    """Bursts on one card within minutes, in one web shop or across several, at any hour."""
    parts = []
    customers = rng.choice(world.settled, BURSTS, replace=False)
    for i, start in enumerate(spread_starts(rng, BURSTS, 1, DAYS - 1)):
        n = whole(rng, BURST_PAYMENTS)
        customer = np.full(n, customers[i])
        terminal = rng.choice(world.web, n) if i % 2 else np.full(n, rng.choice(world.web))
        small = np.exp(rng.uniform(*np.log(BURST_SMALL), n))
        habit = usual_amount(rng, world, customer, terminal)
        eur = np.where(rng.random(n) < BURST_SMALL_SHARE, small, habit)
        second = start + np.cumsum(whole(rng, BURST_GAP, n))
        parts.append(payments(second, customer, terminal, eur, "card_testing", 1))
    return pd.concat(parts)


def compromise_terminals(rng, world, honest):
    """Turn a share of the payments at one quiet shop into fraud, for some days each time."""
    table, used = honest.copy(), []
    for start in spread_starts(rng, TERMINALS_HIT, 2, DAYS - TERMINAL_DAYS[0]):
        end = start + whole(rng, TERMINAL_DAYS) * DAY
        inside = table["second"].between(start, end) & table["terminal_id"].isin(world.shops)
        traffic = table.loc[inside, "terminal_id"].value_counts().sort_index()
        quiet = traffic.index[traffic.between(*TERMINAL_TRAFFIC)].difference(used)
        used.append(rng.choice(quiet))
        there = np.flatnonzero(inside & (table["terminal_id"] == used[-1]))
        hit = there[rng.random(there.size) < TERMINAL_SHARE]
        table.loc[hit, ["scenario", "is_fraud"]] = ["compromised_terminal", 1]
    return table


def takeovers(rng, world, earlier):
    """One account spends far above its habit for days, in web shops, abroad and in any shop."""
    parts, used = [], []
    places = [world.web, world.foreign, world.shops]
    for start in spread_starts(rng, TAKEOVERS, 12, DAYS - TAKEOVER_DAYS[1]):
        before = earlier[earlier["second"] < start]
        history = before.groupby("customer_id")["eur"].agg(["size", "median"])
        victims = history.index[history["size"] >= TAKEOVER_HISTORY].difference(used)
        used.append(rng.choice(victims))
        n = whole(rng, TAKEOVER_PAYMENTS)
        terminal = np.array([rng.choice(places[k]) for k in rng.choice(3, n, p=[0.5, 0.2, 0.3])])
        second = start + rng.uniform(0, whole(rng, TAKEOVER_DAYS) * DAY, n)
        eur = history.loc[used[-1], "median"] * rng.uniform(*TAKEOVER_AMOUNT, n)
        parts.append(payments(second, used[-1], terminal, eur, "takeover", 1))
    return pd.concat(parts)


def one_offs(rng, table):
    """Turn honest payments, drawn at random, into fraud."""
    honest = np.flatnonzero(table["is_fraud"] == 0)
    drawn = rng.choice(honest, ONE_OFFS, replace=False)
    table.loc[drawn, ["scenario", "is_fraud"]] = ["one_off", 1]
    return table


def label_delay(rng, is_fraud):
    """Seconds until each label is known: a random complaint for fraud, maturity otherwise."""
    days = COMPLAINT_MEDIAN * np.exp(COMPLAINT_SIGMA * rng.standard_normal(len(is_fraud)))
    complaint = np.floor(DAY * np.clip(days, *COMPLAINT_RANGE)).astype("int64")
    return np.where(is_fraud == 1, complaint, MATURITY * DAY)


def build(seed=SEED):
    """The whole table, in order of time; another seed gives another world of the same kind."""
    stream = iter(np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(11))
    world = make_world(next(stream))
    everyday = [make(next(stream), world) for make in (ordinary, transit, sprees, trips)]
    honest = pd.concat(everyday, ignore_index=True)
    honest = pd.concat([honest, repeats(next(stream), honest)], ignore_index=True)
    table = compromise_terminals(next(stream), world, honest)
    table = pd.concat([table, card_testing(next(stream), world)], ignore_index=True)
    table = pd.concat([table, takeovers(next(stream), world, table)], ignore_index=True)

    lost = table["second"].between(*OUTAGE) | (table["second"] >= DAYS * DAY)
    table = table[~lost].drop_duplicates(["customer_id", "second"])
    table = table.sort_values(["second", "customer_id"], ignore_index=True)
    table = one_offs(next(stream), table)
    delay = label_delay(next(stream), table["is_fraud"].to_numpy())

    start = pd.Timestamp(START)
    currency = world.currency[table["terminal_id"]]
    rate = pd.Series(currency).map(EUR_PER_UNIT)
    return pd.DataFrame(
        {
            "transaction_id": np.arange(len(table)),
            "time": start + pd.to_timedelta(table["second"], unit="s"),
            "customer_id": table["customer_id"],
            "terminal_id": table["terminal_id"],
            "amount": (table["eur"] / rate).clip(lower=0.5).round(2),
            "currency": currency,
            "is_fraud": table["is_fraud"],
            "label_time": start + pd.to_timedelta(table["second"] + delay, unit="s"),
            "scenario": table["scenario"],
        }
    )


def main():
    path = Path(__file__).with_suffix(".csv")
    table = build()
    seconds = "%Y-%m-%dT%H:%M:%S"
    text = table.to_csv(index=False, lineterminator="\n", float_format="%.2f", date_format=seconds)
    data = text.encode("ascii")
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    print(f"{path.name}: {len(table)} rows, {len(data)} bytes, sha256 {digest}")


if __name__ == "__main__":
    main()
