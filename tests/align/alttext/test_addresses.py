import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonet.align.alttext.addresses import Candidate, best_first, read_srcset, resolve


@pytest.mark.parametrize(
    ("srcset", "expected"),
    [
        ("a.png 1x, b.png 2x", [("a.png", None, 1.0), ("b.png", None, 2.0)]),
        ("a.png 320w,b.png 1.5x", [("a.png", 320, 1.0), ("b.png", None, 1.5)]),
        ("a.png, b.png", [("a.png", None, 1.0), ("b.png", None, 1.0)]),
        (
            "data:image/png;base64,AAAA 1x, c,d.png 640w",
            [("data:image/png;base64,AAAA", None, 1.0), ("c,d.png", 640, 1.0)],
        ),
        ("  ,, a.png", [("a.png", None, 1.0)]),
        ("a.png bogus(1,2) 3x, b.png", [("a.png", None, 3.0), ("b.png", None, 1.0)]),
        ("", []),
        (",,,", []),
    ],
)
def test_srcset_is_read_as_the_standard_says(srcset, expected):
    assert read_srcset(srcset) == [Candidate(*entry) for entry in expected]


@pytest.mark.slow
@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[a-z/.]{1,6}", fullmatch=True),
            st.sampled_from(["320w", "1.5x", "2x", " 3x ", "", "1000x", "1.x"]),
        ),
        max_size=4,
    )
)
def test_sets_written_plainly_are_read_as_by_the_rules(entries):
    written = ", ".join(f"{address} {size}" for address, size in entries)
    # a set with something in parentheses is read by the rules, character by character
    by_rules = read_srcset(f"{written}, end (x)") if written else [Candidate("end")]
    assert [*read_srcset(written), Candidate("end")] == by_rules


@given(
    st.sampled_from(["https://h.example/a/b.html?q=/", "http://h/a", "https://h.example", "https://h.example:80/a/"]),
    st.from_regex(r"(?:(?:https?:)?//[a-z.]{1,4})?[a-z/.%?#&:-]{0,12}", fullmatch=True),
)
def test_plain_addresses_are_resolved_as_by_the_rules(base, address):
    # white space around it keeps an address from the short way
    assert resolve(base, address) == resolve(base, f" {address}")


def test_the_largest_sensible_candidate_comes_first():
    assert best_first(read_srcset("s 320w, m 800w, l 1600w, xxl 6000w")) == ["l", "m", "s", "xxl"]
    assert best_first(read_srcset("a, b 3x, c 2x")) == ["b", "c", "a"]


@pytest.mark.parametrize(
    ("base", "address", "expected"),
    [
        ("http://h/a/b.html", "c.png", "http://h/a/c.png"),
        ("http://h/a/b.html", "../c.png#top", "http://h/c.png"),
        ("https://h/a", "//cdn.example/c.png", "https://cdn.example/c.png"),
        ("http://h/a/b.html", "  a b.png\n", "http://h/a/a%20b.png"),
        ("http://h/", "\\images\\c.png", "http://h/images/c.png"),
        ("http://h/", "java\nscript:alert(1)", None),
        ("http://h/", "mailto:a@b", None),
        ("http://h/", "http://[::1", None),
        ("http://h/", "http://h:port/x", None),
        ("http://h/", "http:///x.png", "http://h/x.png"),
        ("http://h/", "", None),
        ("http://h/", "x" * 5000, None),
        ("file:///d/p.html", "img/c.png", "file:///d/img/c.png"),
        ("http://h/", "data:image/png;base64,AA==", "data:image/png;base64,AA=="),
    ],
)
def test_addresses_are_resolved_or_refused(base, address, expected):
    assert resolve(base, address) == expected
