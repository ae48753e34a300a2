"""One rule for the names of styles: at import, when added, when loaded."""

import re
import unicodedata
from typing import Final

MOST_LETTERS: Final = 64
"""Of a name; with all suffixes it has to fit into a file name."""
RULE: Final = (
    f"a name of 1 to {MOST_LETTERS} letters, digits, - and _ that begins with a letter "
    "or a digit"
)
"""For people."""


def is_style_name(name: object) -> bool:
    """Tell whether a style may be called that.

    Letters are those of any script, but each in its usual form: what looks like another
    name and is none (wide letters, ligatures) is no name.
    """
    return (
        isinstance(name, str)
        and 0 < len(name) <= MOST_LETTERS
        and unicodedata.normalize("NFKC", name) == name
        and name[0].isalnum()
        and all(letter.isalnum() or letter in "-_" for letter in name)
    )


def style_name(text: str, *, default: str = "style") -> str:
    """Return a name for a style made of any text, a file's name for example."""
    letters = re.sub(r"[^\w-]+", "_", unicodedata.normalize("NFKC", text))
    found = "".join(x for x in letters if x.isalnum() or x in "-_")
    name = found.lstrip("-_")[:MOST_LETTERS]
    return name if is_style_name(name) else default
