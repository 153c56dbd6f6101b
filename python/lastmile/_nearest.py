"""Finds the right word that somebody who wrote a wrong one most likely meant."""

from __future__ import annotations

from collections.abc import Iterable


def hint(wrong: str, right: Iterable[str]) -> str:
    """Return ``(did you mean "steps"?)`` with its leading space, or nothing when no word is near."""
    best = max(1, len(wrong) // 3) + 1
    nearest = None
    for word in right:
        distance = _distance(wrong.lower(), word.lower())
        if distance < best:
            best, nearest = distance, word
    return "" if nearest is None else f' (did you mean "{nearest}"?)'


def _distance(a: str, b: str) -> int:
    """Optimal string alignment: Levenshtein's distance with swapped neighbours counted once."""
    rows = [[i + j if i == 0 or j == 0 else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            changed = rows[i - 1][j - 1] + (a[i - 1] != b[j - 1])
            least = min(changed, rows[i - 1][j] + 1, rows[i][j - 1] + 1)
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                least = min(least, rows[i - 2][j - 2] + 1)
            rows[i][j] = least
    return rows[len(a)][len(b)]
