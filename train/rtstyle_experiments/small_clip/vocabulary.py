"""Make a byte-pair vocabulary of only the words that captions and templates use.

With CLIP's own 49,408 tokens a text encoder of width 96 would spend 4.7 million
parameters on words that no caption has; with this one it spends under 0.1 million.
"""

import gzip
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

NUM_BYTES = 512
"""Number of tokens for single bytes, within a word and at its end."""
NUM_MARKS = 2
"""Number of tokens for the start and end of a text."""


def learn_merges(texts: Iterable[str]) -> list[tuple[str, str]]:
    """Return byte pairs to merge so that every word of `texts` is one token.

    Source:
        Sennrich et al. 2016, algorithm 1, until every word is one part.
    """
    words = sorted({w for text in texts for w in re.findall(r"[a-z]+", text.lower())})
    parts = [[*word[:-1], word[-1] + "</w>"] for word in words]
    merges: list[tuple[str, str]] = []
    while pairs := Counter(
        p for word in parts for p in zip(word, word[1:], strict=False)
    ):
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        parts = [_merged(word, best) for word in parts]
    return merges


def _merged(word: list[str], pair: tuple[str, str]) -> list[str]:
    joined: list[str] = []
    for part in word:
        if joined and (joined[-1], part) == pair:
            joined[-1] += part
        else:
            joined.append(part)
    return joined


def save_merges(path: Path, merges: list[tuple[str, str]]) -> None:
    """Write the file that open_clip's tokenizer takes as ``bpe_path``."""
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    path.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))


def vocabulary_size(merges: list[tuple[str, str]]) -> int:
    """Return how many tokens a tokenizer with these merges has."""
    return NUM_BYTES + len(merges) + NUM_MARKS
