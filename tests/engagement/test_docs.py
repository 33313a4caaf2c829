"""The engagement file on the page about responsible use is one."""

import re
from pathlib import Path

from sparring.engagement import load_engagement, parse_address

PAGE = Path(__file__).parents[2] / "docs" / "responsible-use.md"


def test_the_example_is_an_engagement_with_every_key(tmp_path):
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "engagement.toml").write_text(text)
    terms = load_engagement(tmp_path / "engagement.toml")
    assert terms.covers(parse_address("https://ml.example.org/v2/models/digits"))
    assert terms.covers(parse_address("https://a.staging.example.org/v2/models/any"))
    assert None not in terms.entry.values()
    for key in re.findall(r"^(\w+) = ", text, re.MULTILINE):
        assert key == "schema" or f"`{key}`" in PAGE.read_text(), f"the page does not explain {key}"
