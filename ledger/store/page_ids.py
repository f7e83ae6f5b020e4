"""Numbers for the paths of index pages, so that a page is found by its row's number alone.

A path of at most 13 nibbles is 52 bits, from the left, and its length in the 4 bits below them: a page comes
directly before those below it, in the order of paths. Longer paths, which keys that are hashes share only
where somebody looked for such keys, have no number.
"""

MOST_NIBBLES = 13


def page_id(path: bytes) -> int:
    """The number of a path of at most `MOST_NIBBLES` nibbles, one a byte."""
    length = len(path)
    nibbles = int(path.hex()[1::2], 16) if length else 0
    return (nibbles << 4 * (MOST_NIBBLES - length)) << 4 | length
