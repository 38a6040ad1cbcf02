"""Placement, credits, names, throttling, addresses and policy: pure rules."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, ip_address
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import Invalid, QuotaExceeded, Unauthenticated
from backend.rules import names
from backend.rules.credits import check_affordable, used_credits
from backend.rules.network import blocked_ranges, guest_network
from backend.rules.placement import NodeFacts, Size, choose, get_node_score, why_not
from backend.rules.policy import NOBODY, SYSTEM, Action, Actor, Verdict, judge
from backend.rules.throttle import FREE_FAILURES, source_of, wait_s

NET = IPv4Network("10.213.0.0/16")
facts = st.builds(
    NodeFacts,
    id=st.integers(1, 50),
    name=st.text("abc", min_size=1),
    healthy=st.booleans(),
    capacity_vcpus=st.integers(0, 64),
    capacity_mem_mb=st.integers(0, 65_536),
    used_vcpus=st.integers(0, 64),
    used_mem_mb=st.integers(0, 65_536),
    running_containers=st.integers(0, 50),
    trouble=st.sampled_from(["", "no image"]),
)
sizes = st.builds(Size, memory_mb=st.integers(64, 8192), vcpus=st.integers(1, 8))


def test_the_score_is_the_seeds_formula() -> None:
    node = NodeFacts(1, "n", True, 8, 16_000, 2, 6_000, 3)
    assert get_node_score(node) == 2.0 * 10_000 + 1.0 * 6 - 0.5 * 3


@given(st.lists(facts, max_size=8), sizes)
def test_the_chosen_node_is_feasible_and_none_better_was_passed_over(nodes: list[NodeFacts], size: Size) -> None:
    decision = choose(nodes, size)
    feasible = [node for node in nodes if not why_not(node, size)]
    assert len(decision.weighed) == len(nodes)
    if not feasible:
        assert decision.node_id is None
        assert decision.why_nobody
        return
    best = max(get_node_score(node) for node in feasible)
    assert decision.node_id in {node.id for node in feasible if get_node_score(node) == best}


@given(facts, sizes)
def test_a_node_that_is_silent_unprepared_or_full_is_never_feasible(node: NodeFacts, size: Size) -> None:
    fits = node.free_mem_mb >= size.memory_mb and node.free_vcpus >= size.vcpus
    assert (why_not(node, size) == "") == (node.healthy and not node.trouble and fits)


@given(st.lists(st.none() | st.integers(0, 10)), st.none() | st.integers(0, 10), st.integers(0, 50))
def test_credits_pass_exactly_up_to_the_limit(costs: list[int | None], asked: int | None, limit: int) -> None:
    used = used_credits(costs)
    cost = 1 if asked is None else asked
    if used + cost <= limit:
        check_affordable(asked, used=used, limit=limit)
    else:
        with pytest.raises(QuotaExceeded):
            check_affordable(asked, used=used, limit=limit)


@given(st.integers())
def test_made_up_names_are_valid_names(seed: int) -> None:
    name = names.random_name(Random(seed))
    assert names.container_name(name) == name


@given(st.text())
def test_a_name_is_a_hostname_or_refused(raw: str) -> None:
    try:
        name = names.container_name(raw)
    except Invalid:
        return
    assert 1 <= len(name) <= 63
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert not name.startswith("-")
    assert not name.endswith("-")


@pytest.mark.parametrize("raw", ["short", "x" * 257])
def test_passwords_have_bounds(raw: str) -> None:
    with pytest.raises(Invalid):
        names.password(raw)


@given(st.integers(0, 40), st.integers(0, 8000))
def test_guessing_gets_slower_and_is_forgotten(failures: int, ago_s: int) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    wait = wait_s(failures, at - timedelta(seconds=ago_s), at=at)
    assert 0 <= wait <= 3600
    if failures < FREE_FAILURES or ago_s >= 3600:
        assert wait == 0
    assert wait <= wait_s(failures + 1, at - timedelta(seconds=ago_s), at=at)


@given(st.integers(1, 2**31))
def test_a_guests_address_is_in_its_network_and_never_the_gateways(container_id: int) -> None:
    guest = guest_network(container_id, NET, ["1.1.1.1"])
    assert guest.address in NET
    assert guest.address not in (NET.network_address, guest.gateway, NET.broadcast_address)


def test_neighbouring_containers_differ_in_address_and_mac() -> None:
    guests = [guest_network(each, NET, []) for each in range(1, 2000)]
    assert len({guest.address for guest in guests}) == len({guest.mac for guest in guests}) == 1999


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "172.31.255.1", "192.168.1.1", "169.254.169.254", "100.100.1.1", "198.51.100.7"],
)
def test_what_is_private_or_the_nodes_own_is_blocked(address: str) -> None:
    ranges = blocked_ranges(["198.51.100.7", "fe80::1/64"])
    assert any(ip_address(address) in each for each in ranges)


@pytest.mark.parametrize("address", ["1.1.1.1", "203.0.113.5", "8.8.8.8", "172.32.0.1", "11.0.0.1"])
def test_the_internet_is_not_blocked(address: str) -> None:
    assert not any(ip_address(address) in each for each in blocked_ranges([]))


_WAYS_IN = (
    Action.USER_LOGIN,
    Action.USER_SECOND_STEP,
    Action.USER_TOKEN_LOGIN,
    Action.USER_EXTERNAL_LOGIN,
    Action.USER_SIGN_UP,
    Action.INVITATION_READ,
    Action.PREVIEW_ENTER,
    Action.SSH_LOGIN,
)


@pytest.mark.parametrize("action", list(Action))
def test_nobody_gets_nothing_but_the_ways_in(action: Action) -> None:
    verdict = judge(NOBODY, action, owner_id=1)
    assert (verdict is Verdict.ALLOW) == (action in _WAYS_IN)


_BY_ITSELF = (
    Action.CONTAINER_FAULT,
    Action.CONTAINER_STOP_IDLE,
    Action.CONTAINER_WARN_EXPIRY,
    Action.CONTAINER_EXPIRE,
    Action.SCHEDULE_RUN,
)


@pytest.mark.parametrize("action", _BY_ITSELF)
def test_what_happens_by_itself_is_not_an_owners_to_ask_for(action: Action) -> None:
    assert judge(Actor(1, "owner"), action, owner_id=1) is Verdict.FORBID
    assert judge(SYSTEM, action, owner_id=1) is Verdict.ALLOW


@pytest.mark.parametrize(
    "action",
    [
        each
        for each in Action
        if each.value.startswith(("container.", "terminal.", "schedule.")) and each not in _BY_ITSELF
    ],
)
def test_a_strangers_thing_is_invisible_and_a_superuser_sees_it(action: Action) -> None:
    owner, stranger = Actor(1, "owner"), Actor(2, "stranger")
    assert judge(owner, action, owner_id=1) is Verdict.ALLOW
    assert judge(SYSTEM, action, owner_id=1) is Verdict.ALLOW
    if action not in (Action.CONTAINER_LIST, Action.CONTAINER_CREATE):
        assert judge(stranger, action, owner_id=1) is Verdict.HIDE
        assert judge(stranger, action, owner_id=None) is Verdict.HIDE


def test_what_only_a_person_can_have_is_not_the_systems_nor_nobodys() -> None:
    assert Actor(7, "ana").person_id == 7
    with pytest.raises(Unauthenticated):
        _ = NOBODY.person_id
    with pytest.raises(RuntimeError, match="the system has no account"):
        _ = SYSTEM.person_id


@pytest.mark.parametrize(
    ("ip", "source"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("no address", "no address"),
    ],
)
def test_a_guesser_is_an_address_or_the_whole_network_that_one_user_has(ip: str, source: str) -> None:
    assert source_of(ip) == source
