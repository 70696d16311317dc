"""qbXML on a page: marked, indented, escaped, cut; whatever it is."""

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markupsafe import escape

from qbwc_server.web.support.marks import MOST_MARKED, SHOWN, coded, marked, part_of

MESSAGE = (
    '<?xml version="1.0"?><?qbxml version="13.0"?><QBXML><QBXMLMsgsRq>'
    '<HostQueryRq requestID="1" /><TimeTrackingAddRq requestID="17"><TimeTrackingAdd>'
    "<Notes>a &lt;b&gt; &amp; c</Notes><Duration></Duration></TimeTrackingAdd>"
    "</TimeTrackingAddRq></QBXMLMsgsRq></QBXML>"
)


def _plain(html: str) -> str:
    """Return what a reader sees."""
    return unescape(re.sub(r"<[^>]*>", "", html))


def test_each_element_has_its_line_and_its_depth() -> None:
    """One with a text, or with nothing in it, stays on its line."""
    assert _plain(marked(MESSAGE).html).splitlines() == [
        '<?xml version="1.0"?>',
        '<?qbxml version="13.0"?>',
        "<QBXML>",
        "  <QBXMLMsgsRq>",
        '    <HostQueryRq requestID="1" />',
        '    <TimeTrackingAddRq requestID="17">',
        "      <TimeTrackingAdd>",
        "        <Notes>a &lt;b&gt; &amp; c</Notes>",
        "        <Duration></Duration>",
        "      </TimeTrackingAdd>",
        "    </TimeTrackingAddRq>",
        "  </QBXMLMsgsRq>",
        "</QBXML>",
    ]


def test_names_attributes_and_values_are_marked() -> None:
    """By classes: styles of its own are forbidden to a page."""
    html = marked('<A b="c">d</A>').html
    for name, text in (("t", "A"), ("a", "b"), ("s", "&#34;c&#34;"), ("v", "d")):
        assert f'<span class="{name}">{text}</span>' in html
    assert "style" not in html


@given(st.text(alphabet="<>/?!&\"'=aB1 -\n\u00e9", max_size=200))
@example("<A b=&lt;c>&lt;d&gt;</A>")
@example('<A b="&lt;c" &gt;>')
@settings(max_examples=300, deadline=None)
def test_nothing_of_a_message_becomes_a_part_of_the_page(text: str) -> None:
    """What a reader sees is what was sent, but for spaces; only spans are added."""
    html = marked(text).html
    tags = set(re.findall(r"<[^>]*>", html))
    assert tags <= {
        *('<span class="t">', '<span class="a">', '<span class="s">'),
        *('<span class="n">', '<span class="v">', "</span>"),
    }
    assert "".join(_plain(html).split()) == "".join(text.split())


def test_a_long_message_is_cut_and_told_whole_when_asked() -> None:
    """How much is left is said; a very long one is told without marks."""
    text = "<A>" + "x" * (SHOWN * 2)
    cut = marked(text)
    assert (cut.length, cut.left) == (len(text), len(text) - SHOWN)
    assert marked(text, whole=True).left == 0
    huge = "<A>" * MOST_MARKED
    assert marked(huge, whole=True).html == escape(huge)


@pytest.mark.parametrize(
    "piece", ["<?", "<!--", "<A ", '<A b="', "<", "&", "<A b='", "</", "<A>", '="']
)
def test_a_long_text_of_nothing_but_pieces_is_marked_and_stays_as_it_is(
    piece: str,
) -> None:
    """What read it more than once would not end soon."""
    text = (piece * MOST_MARKED)[: MOST_MARKED // 10]
    shown = _plain(str(marked(text, whole=True).html))
    assert "".join(shown.split()) == "".join(text.split())
    assert part_of(text, 17) == ""


def test_the_part_of_one_job_is_found_in_a_message() -> None:
    """Not that of others, and not half of it."""
    assert part_of(MESSAGE, 17).startswith('<TimeTrackingAddRq requestID="17">')
    assert part_of(MESSAGE, 17).endswith("</TimeTrackingAddRq>")
    assert part_of(MESSAGE, 1) == '<HostQueryRq requestID="1" />'
    for text, number in ((MESSAGE, 7), ("", 1), ('requestID="1"', 1), ("<", 1)):
        assert part_of(text, number) == ""
    assert part_of('<A requestID="1">cut', 1) == '<A requestID="1">cut'


def test_what_is_to_be_typed_stands_out_in_a_sentence() -> None:
    """Where backticks come in pairs; whatever else is in it is escaped."""
    assert coded("Say `a <b>`, <i>") == "Say <code>a &lt;b&gt;</code>, &lt;i&gt;"
    assert coded("It's 5` <long>") == "It&#39;s 5` &lt;long&gt;"
    assert coded(None) == ""
