"""Build churn.csv: 18 months of a subscription service, a row for each customer and month.

What drives a customer is hidden. A need for the service ends at some month and use falls to almost
nothing; whoever pays attention then cancels soon, whoever has forgotten the subscription pays on.
A customer in need leaves when a rival's offer comes, when trouble is not mended, or when the price
exceeds what the service is worth to them. A card that expires fails to be charged, and some
subscriptions end by that alone; part of these customers come back with a new card.

Each month a quarter of the customers enter a trial: a coin decides who gets a retention offer, half of
the next month's price. The offer holds many who were about to leave for the price or for a rival, and it
reminds those who had forgotten their subscription that they have one. In the last six months a rule gives the
offer as well, without a coin, to customers whose use has halved.

The two `risk` columns are the simulator's own probabilities, with and without the offer.
Run `python datasets/churn.py`: it writes the file beside itself and prints rows, bytes and sha256.
"""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

SEED = 20230104
START = "2023-01"
MONTHS = 18
CUSTOMERS = 3000  # at the start
JOIN_PER_MONTH = 130
PLANS = ("basic", "standard", "family")
PLAN_SHARE = (0.45, 0.40, 0.15)
PRICE = {"basic": 7.99, "standard": 11.99, "family": 17.99}  # EUR a month
PRICE_RISE = {"plan": "standard", "month": 9, "by": 2.0}  # months count from 0
CHANNELS = ("web", "partner", "promotion")
CHANNEL_SHARE = (0.55, 0.25, 0.20)
SWITCH = 0.008  # a month, to another plan

# Hidden states, probabilities a month
NEED_ENDS = {"web": 0.012, "partner": 0.014, "promotion": 0.030}
NEED_RETURNS = 0.03
MOVES_AWAY = 0.004  # any customer cancels, for no reason the service could see
ATTENTIVE = 0.55  # share of customers who notice that they pay for nothing
NOTICES = {"attentive": 0.26, "forgotten": 0.015}
REMINDED = 0.22  # who had forgotten and is contacted notices with this
RIVAL = 0.016  # a rival's offer arrives
RIVAL_LOST = 0.75  # and the customer leaves
TROUBLE, MENDED = 0.035, 0.55  # trouble begins; is mended
TROUBLE_LOST = 0.10  # a month with trouble
TOO_DEAR = 0.72
PRICE_LOST = 0.10  # a month in which the price exceeds the worth
HELD = {"rival": 0.60, "price": 0.70, "trouble": 0.10}  # of those losses the offer averts this share

CARD_FAILS = 0.022
CARD_MENDED = 0.60  # in each month after
CARD_LOST = 0.30  # a subscription with failed charges ends
COMES_BACK = 0.40  # after CARD_LOST, one or two months later

# Use
HOURS = 9.0  # median of a customer in need, a month
HOURS_IDLE = 0.12  # mean of a customer without need
SEASON = (1.12, 1.05, 1.0, 0.98, 0.94, 0.90, 0.78, 0.80, 0.96, 1.03, 1.08, 1.20)  # of the use, January first
NEW_YEAR = 1.5  # attention in January
OUTAGE_MONTH = 13  # the service was down for days
OUTAGE_USE, OUTAGE_TICKETS = 0.72, 2.5
TELEMETRY_LOST = (5, 6)  # months in which one version of the app reported no use
TELEMETRY_SHARE = 0.15
TICKETS = {"calm": 0.05, "trouble": 0.9}

# Contact
TRIAL_SHARE = 0.25
OFFER_SHARE = 0.5
DISCOUNT = 0.5
RULE_FROM = 12
RULE_SHARE = 0.8  # of the customers for whom the rule speaks
EXPORTED_TWICE = 0.003


def make_customers(rng):
    """One row for each customer who ever joins: when, how, and what the simulator alone knows."""
    at_start = CUSTOMERS
    later = np.repeat(np.arange(MONTHS), rng.poisson(JOIN_PER_MONTH, MONTHS))
    n = at_start + later.size
    customers = pd.DataFrame(
        {
            "joined": np.concatenate([-np.ceil(rng.exponential(14, at_start)), later]).astype(int),
            "channel": rng.choice(CHANNELS, n, p=CHANNEL_SHARE),
            "plan": rng.choice(PLANS, n, p=PLAN_SHARE),
            "habit": np.exp(0.7 * rng.standard_normal(n)),  # of use
            "attentive": rng.random(n) < ATTENTIVE,
            "worth": np.exp(0.30 * rng.standard_normal(n)),  # worth of the service as a multiple of its price
        }
    )
    # Who joined long ago has had time to lose the need, and, forgetting, to stay all the same.
    idle = 1 - np.exp(-0.012 * np.maximum(-customers["joined"], 0))
    customers["need"] = rng.random(n) > np.where(customers["attentive"], 0.2, 1.0) * idle
    return customers


def price_of(plan, month):
    """List price in EUR of each entry of `plan` in `month`."""
    price = pd.Series(plan).map(PRICE).to_numpy()
    raised = (np.asarray(plan) == PRICE_RISE["plan"]) & (month >= PRICE_RISE["month"])
    return price + PRICE_RISE["by"] * raised


def any_of(*probabilities):
    """Probability that at least one of several independent events happens."""
    stays = 1.0
    for probability in probabilities:
        stays = stays * (1 - probability)
    return 1 - stays


def risks(state, month):
    """Probabilities that a subscription ends in `month` + 1: by the card, by cancelling without and with offer."""
    attention = NEW_YEAR if (month + 1) % 12 == 0 else 1.0
    idle = ~state["need"]
    notices = np.where(state["attentive"], NOTICES["attentive"], NOTICES["forgotten"])
    reminded = np.where(state["attentive"], NOTICES["attentive"], REMINDED)
    worth = state["worth"] * state["mood"] * state["habit"] ** 0.15  # as a multiple of the first price
    too_dear = worth < TOO_DEAR * state["list_price"] / state["first_price"]
    losses = {
        "rival": RIVAL_LOST * state["rival"] * state["need"],
        "trouble": TROUBLE_LOST * state["trouble"],
        "price": PRICE_LOST * too_dear * state["need"],
    }
    without = any_of(MOVES_AWAY, idle * np.minimum(attention * notices, 1), *losses.values())
    kept = [losses[cause] * (1 - HELD[cause]) for cause in losses]
    with_offer = any_of(MOVES_AWAY, idle * np.minimum(attention * reminded, 1), *kept)
    return np.where(state["card_failed"] > 0, CARD_LOST, 0.0), without, with_offer


def use_of(rng, state, month):
    """Hours of use in the month and tickets opened."""
    n = len(state)
    level = HOURS * state["habit"] * state["mood"] * SEASON[month % 12]
    hours = np.where(
        state["need"],
        level * np.exp(0.35 * rng.standard_normal(n)),
        rng.exponential(HOURS_IDLE, n) * (rng.random(n) < 0.5),
    )
    rate = np.where(state["trouble"], TICKETS["trouble"], TICKETS["calm"]) * np.where(state["need"], 1.0, 0.3)
    if month == OUTAGE_MONTH:
        hours, rate = hours * OUTAGE_USE, rate * OUTAGE_TICKETS
    return np.round(hours, 1), rng.poisson(rate)


def advance(rng, state):
    """One month of the hidden states."""
    n = len(state)
    ends = rng.random(n) < state["channel"].map(NEED_ENDS)
    state["need"] = np.where(state["need"], ~ends, rng.random(n) < NEED_RETURNS)
    state["rival"] = rng.random(n) < RIVAL
    state["trouble"] = np.where(state["trouble"], rng.random(n) >= MENDED, rng.random(n) < TROUBLE)
    failing = np.where(state["card_failed"] > 0, rng.random(n) >= CARD_MENDED, rng.random(n) < CARD_FAILS)
    state["card_failed"] = np.where(failing, rng.integers(1, 4, n), 0)
    state["mood"] = np.exp(0.9 * np.log(state["mood"]) + 0.10 * rng.standard_normal(n))
    switches = rng.random(n) < SWITCH
    state["plan"] = np.where(switches, rng.choice(PLANS, n, p=PLAN_SHARE), state["plan"])


def contact(rng, hours, history, month):
    """Who is contacted after the month: ('none' | 'trial' | 'rule', offer 0 or 1) for each customer."""
    n = len(hours)
    in_trial = rng.random(n) < TRIAL_SHARE
    coin = rng.random(n) < OFFER_SHARE
    halved = (month >= RULE_FROM) & (hours < 0.5 * history)
    by_rule = ~in_trial & halved & (rng.random(n) < RULE_SHARE)
    campaign = np.select([in_trial, by_rule], ["trial", "rule"], "none")
    return campaign, (np.where(in_trial, coin, by_rule)).astype(int)


def build(seed=SEED):
    """The whole table, in order of month and customer; another seed gives another service of the same kind."""
    rng = np.random.default_rng(seed)
    state = make_customers(rng)
    n = len(state)
    state = state.assign(trouble=False, card_failed=0, mood=1.0, rival=False)
    state["first_price"] = price_of(state["plan"], 0)
    subscribed, returns, discount = np.zeros(n, bool), np.full(n, -1), np.zeros(n)
    past = np.full((n, 3), np.nan)  # hours of the last three months
    tables = []
    for month in range(MONTHS):
        if month == 0:
            subscribed |= state["joined"].to_numpy() < 0
        subscribed |= (state["joined"].to_numpy() == month) | (returns == month)
        advance(rng, state)
        state["list_price"] = price_of(state["plan"], month)
        hours, tickets = use_of(rng, state, month)
        known = np.isfinite(past).any(axis=1)
        history = np.where(known, np.nansum(past, axis=1) / np.maximum(np.isfinite(past).sum(axis=1), 1), 0.0)
        campaign, offer = contact(rng, hours, history, month)
        by_card, without, with_offer = risks(state, month)
        u_card, u_cancel = rng.random((2, n))
        cancels = u_cancel < np.where(offer == 1, with_offer, without)
        outcome = np.select([u_card < by_card, cancels], ["payment", "cancelled"], "stayed")
        lost = np.isin(month, TELEMETRY_LOST) & (rng.random(n) < TELEMETRY_SHARE)
        table = pd.DataFrame(
            {
                "customer_id": np.arange(n),
                "month": pd.Timestamp(START) + pd.DateOffset(months=month),
                "tenure": month - state["joined"],
                "channel": state["channel"],
                "plan": state["plan"],
                "price": (state["list_price"] * (1 - discount)).round(2),
                "use": np.where(lost, np.nan, hours),
                "tickets": tickets,
                "payment_failures": state["card_failed"],
                "campaign": campaign,
                "offer": offer,
                "outcome": outcome,
                "risk_without": any_of(by_card, without).round(4),
                "risk_with": any_of(by_card, with_offer).round(4),
            }
        )
        tables.append(table[subscribed])
        past = np.column_stack([past[:, 1:], np.where(subscribed, hours, np.nan)])
        discount = DISCOUNT * offer
        ended = subscribed & (outcome != "stayed")
        back = ended & (outcome == "payment") & (rng.random(n) < COMES_BACK)
        returns[back] = month + 1 + rng.integers(1, 3, back.sum())
        state.loc[back, "card_failed"] = 0
        subscribed &= ~ended
    table = pd.concat(tables, ignore_index=True)
    copies = rng.random(len(table)) < EXPORTED_TWICE
    table = pd.concat([table, table[copies]], ignore_index=True)
    return table.sort_values(["month", "customer_id"], kind="stable", ignore_index=True)


def main():
    path = Path(__file__).with_suffix(".csv")
    table = build()
    text = table.to_csv(index=False, lineterminator="\n", date_format="%Y-%m-%d")
    data = text.encode("ascii")
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    print(f"{path.name}: {len(table)} rows, {len(data)} bytes, sha256 {digest}")


if __name__ == "__main__":
    main()
